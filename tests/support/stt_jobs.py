"""Jobs for the STT worker, without a network."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Credit, Message, Partial, Progress
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Job
from hushd_worker_stt.engine import Engine


@dataclass
class Asked:
    """One job and what came of it: everything it sent, and its result or its error."""

    messages: list[Message] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    error: HushdError | None = None
    chunks_read: int = 0

    @property
    def segments(self) -> list[dict[str, Any]]:
        return [m.data for m in self.messages if isinstance(m, Partial) and m.data["kind"] == "segment"]

    @property
    def unstable(self) -> list[tuple[str, str]]:
        """The unfinished utterance: its stable part and the rest."""
        partials = [m.data for m in self.messages if isinstance(m, Partial) and m.data["kind"] == "unstable"]
        return [(data["stable"], data["text"]) for data in partials]

    @property
    def progress(self) -> list[Progress]:
        return [m for m in self.messages if isinstance(m, Progress)]

    def resumed_at(self, number: int) -> tuple[float, list[dict[str, Any]]]:
        """The place where a run that ended after so many segments goes on, and the segments that do not come again."""
        rest = self.segments[number - 1]["rest"]
        return rest, [segment for segment in self.segments[:number] if segment["start"] < rest]

    @property
    def text(self) -> str:
        return " ".join(segment["text"] for segment in self.segments)


class Loud:
    """A detector for which loud is speech."""

    def __enter__(self) -> Loud:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, frame: np.ndarray) -> float:
        return float(frame.max() >= 0.1)

    def again(self, quiet: Sequence[np.ndarray]) -> list[float]:
        return [0.0] * len(quiet)


def make_job(
    source: Path | bytes | Iterable[bytes] | None,
    params: dict[str, Any] | None = None,
    on_send: Callable[[Job, Message], None] | None = None,
    op: str = "transcribe",
    economy: bool = False,
) -> tuple[Job, Asked]:
    """A job whose input is a file by path, bytes inline, or chunks that arrive as the worker grants credit."""
    asked = Asked()
    fields: dict[str, Any] = {"input": "none"}
    chunks: deque[bytes] = deque()
    if isinstance(source, Path):
        fields = {"input": "path", "path": str(source)}
    elif isinstance(source, bytes):
        fields = {"input": "inline", "payload": source}
    elif source is not None:
        fields = {"input": "stream"}
        chunks = deque(source)

    def send(message: Message) -> None:
        if isinstance(message, Credit):
            for _ in range(message.chunks):
                if asked.chunks_read > 0 and not chunks:
                    break
                payload = chunks.popleft() if chunks else b""
                job.feed(Chunk(id=job.id, seq=asked.chunks_read, payload=payload, last=not chunks))
                asked.chunks_read += 1
        else:
            asked.messages.append(message)
        if on_send:
            on_send(job, message)

    job = Job(
        JobMessage(id=bytes(16), op=op, params=params or {}, economy=economy, **fields), send, lambda: opened(source)
    )
    return job, asked


def opened(source: object) -> int | None:
    """The descriptor of a file as the supervisor passes it to a worker."""
    return os.open(source, os.O_RDONLY) if isinstance(source, Path) and source.is_file() else None


def s16le(samples: np.ndarray) -> bytes:
    return (np.clip(np.round(samples * 32768), -32768, 32767)).astype("<i2").tobytes()


def chunked(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


class EngineAtOnce(Engine):
    """Engines of tests that have nothing to load."""

    @classmethod
    def installed(cls, model: str) -> bool:
        return True

    def load(self, model: str, report: Callable[[str], None]) -> None:
        """Does nothing."""


def encoded(samples: np.ndarray, rate: int = 16_000, form: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


Ask = Callable[..., Asked]
Bare = Callable[[np.ndarray], str]

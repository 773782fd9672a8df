"""Jobs of a text-to-speech worker, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Chunk, Credit, Message, Partial
from hushd_protocol.messages import Job as JobMessage
from hushd_worker.job import Job
from hushd_worker_tts.worker import Worker

ID = bytes(range(16))


@dataclass
class Spoken:
    """The outcome of a job: its chunks in order, and its result."""

    chunks: list[Chunk] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        return b"".join(chunk.payload for chunk in self.chunks)

    @property
    def file(self) -> bytes:
        """The file the chunks make when each is written at its offset."""
        data = bytearray()
        for chunk in self.chunks:
            assert chunk.offset is not None
            data[chunk.offset : chunk.offset + len(chunk.payload)] = chunk.payload
        return bytes(data)


def speak(worker: Worker, text: str | bytes, pieces: Iterable[bytes] | None = None, **params: Any) -> Spoken:
    """Runs one job with unlimited credit, its text inline, or as a stream of `pieces` sent as credit allows."""
    spoken = Spoken()
    data = text.encode() if isinstance(text, str) else text
    assert len(data) <= MAX_PAYLOAD
    source = iter(()) if pieces is None else iter(pieces)
    ended = False

    def send(message: Message) -> None:
        nonlocal ended
        if isinstance(message, Credit):
            for _ in range(message.chunks):
                if not ended:
                    piece = next(source, None)
                    ended = piece is None
                    job.feed(Chunk(id=ID, seq=0, payload=piece or b"", last=ended))
        elif isinstance(message, Partial):
            assert message.data["kind"] == "voice"
        else:
            assert isinstance(message, Chunk)
            spoken.chunks.append(message)

    message = JobMessage(
        id=ID,
        op="synthesize",
        params=params,
        input="inline" if pieces is None else "stream",
        payload=data,
        credit=10**6,
    )
    job = Job(message, send)
    spoken.result = worker.run(job)
    return spoken


Say = Callable[..., Spoken]  # of the fixture `say`

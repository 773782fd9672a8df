"""The configuration and what hushd writes for itself: a crash, a full disk or an editor may have left any of it odd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hushd.transcripts.formats import FORMATS, render
from hushd.transcripts.segment import Segment
from hushd_models import user_models
from hushd_protocol.errors import HushdError
from hushd_schema.results import SegmentData
from hushd_schema.settings import load

from .claims import sentence
from .mutate import Feed, altered, toml_file

CONFIG: dict[str, Any] = {
    "stt": "moonshine/tiny-en",
    "tts": "kokoro/kokoro-v1.0",
    "log_level": "info",
    "memory_budget_mb": 4000,
    "exit_when_idle": "10m",
    "models": {"whisper/mine": {"repository": "a/b", "files": ["model.bin", "*.json"], "revision": "main"}},
    "worker": {
        "keep_alive": "5m",
        "stall_timeout": 60,
        "stt/whisper": {"command": ["python", "-m", "a"], "environment": {"A": "1"}, "pinned": True, "priority": 3},
        "tts/kokoro/x": {"max_pss_mb": 900.5, "slots": 2},
    },
}


@contextmanager
def config(folder: Path) -> Iterator[Feed]:
    """The configuration file, as the supervisor, the clients and the workers read it."""
    path = folder / "config.toml"

    def feed(rng: Random) -> None:
        path.write_bytes(toml_file(rng, CONFIG))
        for read in (load, user_models.configured, user_models.engines_elsewhere):
            try:
                read(path)
            except HushdError as error:
                sentence(error.message)

    yield feed


_SEGMENT = {
    "id": 1, "start": 0.5, "end": 2.5, "text": "Ever tried. Ever failed.", "speaker": "SPEAKER_00", "rest": 2.5,
    "language": "en",
    "words": [{"word": "Ever", "start": 0.5, "end": 0.9}, {"word": "tried.", "start": 1, "end": 2}],
}  # fmt: skip


@dataclass
class _Transcript:
    segments: list[Segment]
    diarized: bool
    language: str = "en"
    language_probability: float | None = None
    warnings: tuple[Any, ...] = field(default=())
    unlikely: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)


@contextmanager
def transcript(folder: Path) -> Iterator[Feed]:
    """A worker's transcript, written in every format."""

    def feed(rng: Random) -> None:
        segments = []
        for _ in range(rng.choice((1, 1, 2, 6))):
            data = altered(rng, _SEGMENT)
            try:
                segments.append(Segment.of(SegmentData.from_data(data)))
            except HushdError:
                continue
        for form in FORMATS:
            "".join(
                render(
                    form,
                    _Transcript(segments, rng.random() < 0.5, language_probability=rng.choice((None, rng.random()))),
                )
            )

    yield feed

"""`hushd doctor` says of each engine that it tries whether its start waited for the disk."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_cli.commands.doctor.finding import Finding
from hushd_cli.commands.doctor.running import Running
from hushd_protocol.system import page_cache
from hushd_schema.description import (
    Descriptions,
    HearingDescription,
    ModelDescription,
    RoleDescription,
    SpeakingDescription,
    SpeakingEngine,
    WaitingDescription,
)

SIZE = 5_000_000
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is cached is known on Linux")


class Speaker:
    """Stands in for a client whose engine, with one model that lies here, speaks at once."""

    duration = 1.0

    def describe(self, *_: str) -> Descriptions:
        model = ModelDescription(name="mine", languages=("en",), memory_mb=100.0, embedded=False, installed=True)
        engine = SpeakingEngine(
            name="piper", installed=True, install="", default_model="mine", models=(model,), default_voice="",
            voices=(), streaming=False,
        )  # fmt: skip
        return Descriptions(
            stt=HearingDescription(role="stt", version="1", engines=()),
            tts=SpeakingDescription(role="tts", version="1", engines=(engine,)),
            wake=WaitingDescription(role="wake", version="1", engines=()),
            models=RoleDescription(role="models", version="1", engines=()),
        )

    def synthesize(self, text: str, **_: Any) -> Speaker:
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield bytes(44) + struct.pack("<100h", *[9000] * 100)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The voice's file, on the disk and out of the cache."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    file = tmp_path / "piper" / "mine.onnx"
    file.parent.mkdir()
    with file.open("wb") as out:
        out.write(os.urandom(SIZE))
        os.fsync(out.fileno())
    page_cache.drop(file)
    if page_cache.cached(file):
        pytest.skip("this file system forgets nothing: it is in memory")
    return file


def tried() -> Finding:
    """The finding of the one engine."""
    (finding,) = Running(Speaker()).engines()  # type: ignore[arg-type]
    assert (finding.state, finding.text.startswith("tts/piper/mine speaks 1.0 s, ")) == ("ok", True), finding
    return finding


def test_a_start_that_reads_its_model_from_the_disk_says_so(weights: Path) -> None:
    """With how much of its files was not in memory; a start that finds all there, or nearly all, says nothing."""
    assert tried().text.endswith(" s with its start, for which 5 of its files' 5 MB were read from the disk")
    weights.read_bytes()
    assert tried().text.endswith(" s with its start")

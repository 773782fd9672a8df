"""A room for each test: the engines that hushd carries, a recording, and a person who says the beginning of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import soxr
from support.peer import Supervisor
from support.recordings import recording

from .room import Room


@pytest.fixture(scope="module")
def beckett() -> Path:
    """A recording of eight seconds."""
    return recording()


@pytest.fixture
def room(carried: Supervisor, beckett: Path, tmp_path: Path) -> Iterator[Room]:
    """A room in which the recording is at hand, and is what the person says."""
    shutil.copy(beckett, tmp_path)
    samples, rate = soundfile.read(beckett, dtype="int16")
    (tmp_path / "person").write_bytes(soxr.resample(samples[: 3 * rate], rate, 16_000).tobytes())
    made = Room(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()

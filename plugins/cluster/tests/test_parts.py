"""A part of a transcript in the store: another node goes on from its end, with the same segments."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd_cluster.parts import KEEP_S, Part
from hushd_cluster.store import SharedFolder

SPOKEN = [
    Segment(0, 0.0, 2.0, "One.", (Word("One.", 0.1, 1.9, 0.5),)), Segment(1, 2.0, 4.0, "Two.", unlikely=True),
    Segment(2, 4.5, 6.0, "Three."),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> SharedFolder:
    return SharedFolder(f"file://{tmp_path}/out")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound" * 100_000)
    return path


def part(folder: SharedFolder, recording: Path, **request: object) -> Part:
    return Part(folder, "b/a.wav", recording, request)


def test_another_node_goes_on_from_the_end(folder: SharedFolder, recording: Path, tmp_path: Path) -> None:
    """With the same segments, and what it has added is there for the next one."""
    first = part(folder, recording, language="en")
    for segment in SPOKEN[:2]:
        first.add(segment, segment.end, "en", 0.0)
    first.keep()
    second = part(folder, recording, language="en")
    assert second.resume() == SPOKEN[:2]
    assert (second.rest_s, second.language) == (4.0, "en")
    second.add(SPOKEN[2], 6.0, "en", 0.0)
    second.keep()
    third = part(folder, recording, language="en")
    assert third.resume() == SPOKEN
    third.remove()
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert part(folder, recording, language="en").resume() == []


def test_it_is_written_once_in_a_while(folder: SharedFolder, recording: Path) -> None:
    """By the work that a death may lose, and not for a short recording."""
    kept = part(folder, recording)
    kept.add(SPOKEN[0], 2.0, "", 100.0)
    kept.add(SPOKEN[1], 4.0, "", 99.0 + KEEP_S)
    assert part(folder, recording).resume() == []
    kept.add(SPOKEN[2], 6.0, "", 100.0 + KEEP_S)
    assert part(folder, recording).resume() == SPOKEN


def test_a_part_of_something_else_is_not_used(folder: SharedFolder, recording: Path) -> None:
    """Of another request, a recording that has changed at its begin, end or size, or a file that nobody can read."""
    kept = part(folder, recording, language="en")
    kept.add(SPOKEN[0], 2.0, "en", 0.0)
    kept.keep()
    assert part(folder, recording, language="de").resume() == []
    data = recording.read_bytes()
    for changed in (b"x" + data[1:], data[:-1] + b"x", data + b"x", data[:-1]):
        recording.write_bytes(changed)
        assert part(folder, recording, language="en").resume() == []
    recording.write_bytes(data)
    assert part(folder, recording, language="en").resume() == SPOKEN[:1]
    whole = folder.read(".hushd/parts/b/a.wav.json")
    assert whole
    chance = random.Random(1)
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(3):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        folder.replace(".hushd/parts/b/a.wav.json", bytes(broken[: chance.randrange(len(broken) + 1)]))
        part(folder, recording, language="en").resume()

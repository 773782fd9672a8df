"""A diary of the devices that programs open in tests, and what makes sounds of a known length."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support.peer import CONFIG, wait_until

DEVICE = Path(__file__).parent / "quiet_device"
RATE = 16000
ECHO = f'tts = "echo/a"\nstt = "echo/a"\n{CONFIG}'  # each byte of a text is a sample


class Sound(NamedTuple):
    """One opening of the loudspeaker: from when to when, and how many samples were not silence."""

    pid: int
    opened: float
    closed: float
    heard: int


class Diary:
    """A diary of the devices of all servers. `environment` has programs write into it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()
        folders = (str(DEVICE), os.environ.get("PYTHONPATH"))
        self.environment = {"PYTHONPATH": os.pathsep.join(filter(None, folders)), "HUSHD_DIARY": str(file)}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Slows the loudspeaker once it sounds: a speech outlasts whatever a busy machine lets a test see meanwhile."""
        hold = Path(f"{self._file}.hold")
        hold.touch()
        yield
        hold.unlink()

    def lines(self, what: str) -> list[list[str]]:
        return [line for line in map(str.split, self._file.read_text().splitlines()) if line[1] == what]

    def wait_for_sound(self, count: int = 1) -> None:
        wait_until(lambda: len(self.lines("sound")) >= count, "a sound")

    def sounds(self) -> list[Sound]:
        """All openings that were closed again, in the order of their beginnings."""
        events = sorted((float(time), pid, what) for what in ("open", "close") for pid, _, time in self.lines(what))
        heard = {pid: iter([int(line[2]) for line in self.lines("heard") if line[0] == pid]) for _, pid, _ in events}
        opened: dict[str, float] = {}
        found = []
        for at, pid, what in events:
            if what == "open":
                opened[pid] = at
            else:
                found.append(Sound(int(pid), opened[pid], at, next(heard[pid])))
        return sorted(found, key=lambda sound: sound.opened)


def words(seconds: float) -> str:
    """Returns a text that takes so many seconds to speak."""
    return "a" * int(seconds * RATE)


def check_no_overlap(sounds: list[Sound]) -> None:
    for first, second in itertools.pairwise(sounds):
        assert first.closed <= second.opened, "two had the loudspeaker at once"

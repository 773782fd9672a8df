"""The settings that a seed draws, what an earlier boot has left, and what must be true of processes by that."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .processes import Process
from .storm import Storm

_FORMER = 4_194_304  # the highest number of a process on Linux: longer than any of a supervisor here


class Settings(NamedTuple):
    """The settings that differ between seeds."""

    content: bool  # whether logs have what was said
    nice: int  # how far speaking workers give way

    def top(self) -> str:
        """The lines before all sections."""
        return "log_content = true\n" if self.content else ""

    def of_speech(self) -> str:
        """The lines of the section of engines that speak."""
        return f"nice = {self.nice}\n" if self.nice else ""


def draw(seed: int) -> Settings:
    dice = random.Random(f"settings {seed}")
    return Settings(dice.random() < 0.3, dice.choice([0, 5]))


def leave_remains(seed: int, folder: Path) -> None:
    """In half of the seeds, leaves the lock of a supervisor that was there before the machine has lost its power."""
    runtime = folder / "run" / "hushd"
    if random.Random(f"remains {seed}").random() < 0.5:
        runtime.mkdir(mode=0o700)
        (runtime / "lock").write_text(f"{_FORMER}\n")


def wrong(settings: Settings, supervisor: Process, names: Mapping[int, str], storm: Storm) -> str:
    """Returns what a supervisor and its workers have other than the settings have it; empty if nothing is.

    Args:
        names: of the workers, by the numbers of their processes.
    """
    for child in supervisor.children:
        if not child.living or child.kind != "engine":
            continue
        nice = settings.nice if names.get(child.pid, "").startswith("tts/") else 0
        if child.nice != supervisor.nice + nice:
            return f"{child} has the priority {child.nice}, and not {nice}"
        if child.environment.get("HUSHD_LOG_CONTENT", "") != ("1" if settings.content else ""):
            return f"{child} logs what was said, or does not, against the settings"
    lock = next(file.path for file in supervisor.table.values() if str(getattr(file, "path", "")).endswith("/lock"))
    with open(lock) as file:
        text = file.read()
    written = not storm.struck(("disk", "short", "spot"), supervisor.born)
    return f"the lock of {supervisor} has {text!r}" if written and text != f"{supervisor.pid}\n" else ""

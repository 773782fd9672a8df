"""The verdicts on planted faults, and a file in which they are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from simulated_plants import Plant


class Verdict(NamedTuple):
    """A fault that was played.

    Attributes:
        violation: the first, empty if the fault lives.
        seed: that found it,
        seeds, cpu_s: after so many, in so much of the processor's time.
    """

    violation: str
    seed: int
    seeds: int
    cpu_s: float


class Results:
    """Keeps what came of each fault in a file, so that a run goes on where an earlier one has ended.

    A fault that was found is not played again, one that lives is played with seeds that it has not met.

    Args:
        path: of the file, a JSON object a line; without one, nothing is kept.
        door: whether the seeds have a door. They are others than those that have none.
    """

    def __init__(self, path: Path | None, door: bool = False) -> None:
        self._path, self._door = path, door
        self._ended: dict[str, tuple[str, str, Verdict]] = {}
        self._met: dict[str, int] = {}  # seeds that a fault lives after, of the kind that is played now
        for line in path.read_text().splitlines() if path and path.exists() else ():
            row = json.loads(line)
            if row["kind"] == "lived":
                self._met[row["fault"]] = row["seeds"] if row["door"] == door else self._met.get(row["fault"], 0)
            elif row["kind"] in ("found", "tested"):
                verdict = Verdict(row["violation"], row["seed"], row["seeds"], row["cpu_s"])
                self._ended[row["fault"]] = row["kind"], row["text"], verdict

    def of(self, plant: Plant) -> tuple[str, str, Verdict] | None:
        """The kind of what came of a fault that was found, a line on it, and the verdict; None for any other."""
        return self._ended.get(plant.key)

    def met(self, plant: Plant) -> int:
        """The number of seeds that a fault has outlived."""
        return self._met.get(plant.key, 0)

    def add(self, plant: Plant, kind: str, text: str, verdict: Verdict) -> None:
        if self._path:
            row = {"fault": plant.key, "kind": kind, "text": text, "door": self._door, **verdict._asdict()}
            with self._path.open("a") as file:
                print(json.dumps(row), file=file)

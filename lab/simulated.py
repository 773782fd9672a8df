"""Plants faults in the modules that the simulation loads, and plays seeds until it finds them.

A fault is a line of `simulated_faults.FAULTS`, or made by an operator (`operators`). One process loads the product; a
fork of it plays a seed to a fault. Which seeds run a line at all is traced before, so that none is played in vain.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import simulated_alone as alone
import simulated_tested as tested
from simulated_plants import PACKAGES, ROOT, Plant, install, made, path_of, reason, test_of, written
from simulated_results import Results, Verdict
from simulation import run
from simulation.attempt import Attempt
from simulation.script import KINDS, Script, draw
from simulation.world import Outcome
from transplant import Elsewhere, NotPlayed

TRACED = 25  # seeds whose lines are noted
SEED_S = 8  # of the processor's time for a seed; one takes 0.4


class _Runner(run.Runner):
    """Plays scripts to a fault, or notes the lines that they run."""

    plant: Plant | None = None
    lines: Path | None = None  # where to write them

    def _played(self, script: Script, folder: Path, history: str | None, attempt: Attempt | None) -> Outcome:
        if self.plant:
            try:
                install(self.plant)
            except Elsewhere:
                return Outcome("", ["elsewhere"], 0.0, 0, {})
        if not self.lines:
            return super()._played(script, folder, history, attempt)
        ran: set[tuple[str, int]] = set()
        roots = tuple(f"{ROOT / folder}/" for folder in PACKAGES.values())

        def trace(frame: Any, event: str, _: Any) -> Any:
            if event == "line":
                ran.add((frame.f_code.co_filename, frame.f_lineno))
            return trace if frame.f_code.co_filename.startswith(roots) else None

        sys.settrace(trace)
        outcome = super()._played(script, folder, history, attempt)
        sys.settrace(None)
        self.lines.write_text(json.dumps([*ran]))
        return outcome


class Trials:
    """Plays faults, one after the other.

    Args:
        seeds, cpu_s: that a fault is given at most.
        first: seed.
        kinds: of what goes wrong in them.
        door: whether programs come by HTTP and Wyoming, and the faults are those of the part `door`.
    """

    def __init__(
        self, seeds: int, cpu_s: float, first: int = 1, kinds: Sequence[str] = KINDS, *, door: bool = False
    ) -> None:
        run.CPU_S = SEED_S
        self._runner = _Runner()
        self._numbers, self._kinds = range(first, first + seeds), tuple(kinds)
        self.door = door
        self._cpu_s = cpu_s
        self._ran: dict[Script, set[tuple[str, int]]] = {}
        self._failing: set[Script] = set()  # seeds, without any fault
        self._sound: set[Script] = set()  # likewise, of those that were not traced

    def _scripts(self, kinds: Sequence[str] = ()) -> list[Script]:
        # With a door every second one has no fault: of a storm's many losses most are excused by a supervisor's end.
        calm = {number for number in self._numbers if self.door and number % 2}
        kinds = kinds or self._kinds
        return [draw(number, kinds=() if number in calm else kinds, door=self.door) for number in self._numbers]

    def trace(self) -> None:
        """Notes which seeds run which lines, and those that fail without any fault."""
        with tempfile.TemporaryDirectory() as folder:
            self._runner.lines = Path(folder) / "lines"
            for script in self._scripts()[:TRACED]:
                if self._runner.play(script).violations:
                    self._failing.add(script)
                self._ran[script] = {(name, line) for name, line in json.loads(self._runner.lines.read_text())}
            self._runner.lines = None

    def runs(self, plant: Plant) -> bool:
        """Returns whether any seed runs the line of a fault."""
        return plant.number < 0 or any(self._runs(plant, script) for script in self._scripts()[:TRACED])

    def _runs(self, plant: Plant, script: Script) -> bool:
        lines = self._ran.get(script)
        return plant.number < 0 or lines is None or (str(path_of(plant.module)), plant.line) in lines

    def play(self, plant: Plant, met: int = 0) -> Verdict:
        """Plays seeds until one finds the fault, but for the first ones, so many of which it has met."""
        begin, count = _cpu(), 0
        self._runner.plant = plant
        for script in self._scripts(plant.kinds):
            if script in self._failing or not self._runs(plant, script):
                continue
            count += 1
            if count <= met:
                continue
            violations = self._runner.play(script).violations
            if violations and self._fails_by(plant, script, violations):
                return Verdict(violations[0].partition("\n")[0], script.seed, count, _cpu() - begin)
            if _cpu() - begin > self._cpu_s:
                break
        return Verdict("", 0, count, _cpu() - begin)

    def _fails_by(self, plant: Plant, script: Script, violations: Sequence[str]) -> bool:
        """Returns whether a seed fails by the fault; one that was not traced may fail without it."""
        if violations == ["elsewhere"]:
            raise Elsewhere(str(plant))
        if script in self._ran or script in self._sound:
            return True
        self._runner.plant = None
        fails = bool(self._runner.play(script).violations)
        self._runner.plant = plant
        (self._failing if fails else self._sound).add(script)
        return not fails


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def play(only: str, share: int, trials: Trials, results: Results) -> int:
    """Plays all faults in modules whose names begin with `only`, and prints what came of each; returns 1 if one lived.

    Raises:
        NotPlayed: a fault has no place.
    """
    plants, silent = made(share)
    plants = [
        plant for plant in written() + plants if f"{plant.part}/{plant.module}".startswith(tuple(only.split(",")))
    ]
    if not only or not trials.door:
        plants = [plant for plant in plants if (plant.part == "door") == trials.door]
    if any(plant.number >= 0 for plant in plants):
        trials.trace()
    counts: dict[str, dict[str, list[Verdict]]] = {}
    for plant in plants:
        kind, text, verdict = results.of(plant) or _tried(trials, plant, results)
        print(f"{text}  {plant}", flush=True)
        counts.setdefault(plant.part, {}).setdefault(kind, []).append(verdict)
    for part, kinds in counts.items():
        found = kinds.get("found", [])
        most = f", {median(v.seeds for v in found):g} seeds and {median(v.cpu_s for v in found):.1f} s" if found else ""
        print(f"{part}: {', '.join(f'{len(verdicts)} {kind}' for kind, verdicts in sorted(kinds.items()))}{most}")
    print(f"{silent} statements only write a log, and have no fault")
    return 1 if any("lived" in kinds for kinds in counts.values()) else 0


def _tried(trials: Trials, plant: Plant, results: Results) -> tuple[str, str, Verdict]:
    """Plays a fault; returns the kind of what came of it, and a line on it, and keeps both."""
    kind, text, verdict = _played(trials, plant, results.met(plant))
    if kind in ("lived", "not run") and (test := test_of(plant)):
        kind, text = "tested", f"by {test}"
    results.add(plant, kind, text, verdict)
    return kind, text, verdict


def _played(trials: Trials, plant: Plant, met: int) -> tuple[str, str, Verdict]:
    nothing = Verdict("", 0, 0, 0.0)
    if why := reason(plant):
        return "unseen", f"UNSEEN ({why})", nothing
    if not met and plant.module in alone.MODULES and (text := alone.violation(plant)):
        return "found", f"clients' socket alone ({text})", Verdict(text, 0, 1, 0.0)
    if not trials.runs(plant):
        return "not run", "NOT RUN", nothing
    try:
        verdict = trials.play(plant, met)
    except Elsewhere:
        return "elsewhere", "ELSEWHERE", nothing
    if not verdict.violation:
        return "lived", f"LIVES {verdict.seeds} seeds, {verdict.cpu_s:.0f} s", verdict
    return "found", f"seed {verdict.seed}, {verdict.seeds} seeds, {verdict.cpu_s:.1f} s ({verdict.violation})", verdict


def main(arguments: list[str]) -> int:
    """Plays all faults, and prints what came of each; returns 1 if one lived."""
    parser = argparse.ArgumentParser(prog="mutants --simulated", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="faults of modules whose parts and names begin so, such as worker/")
    parser.add_argument("--share", type=int, default=6, metavar="N", help="one of N that operators make; 0 for none")
    parser.add_argument("--seeds", type=int, default=60, metavar="N", help="for a fault at most; default: 60")
    parser.add_argument("--cpu", type=float, default=60.0, metavar="S", help="likewise, of the processor's time")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="the first seed")
    parser.add_argument("--faults", default=",".join(KINDS), metavar="LIST", help="what goes wrong, as for simulate")
    parser.add_argument("--door", action="store_true", help="faults of the door and the gateway, and no others")
    parser.add_argument("--results", type=Path, metavar="FILE", help="keeps them, and goes on where it ended")
    parser.add_argument("--tests", action="store_true", help="run the tests that find faults, instead of seeds")
    options = parser.parse_args(arguments)
    trials = Trials(options.seeds, options.cpu, options.first, options.faults.split(","), door=options.door)
    try:
        if options.tests:
            return tested.play(options.only)
        return play(options.only, options.share, trials, Results(options.results, options.door))
    except NotPlayed as error:
        print(f"scripts/mutants: {error}", file=sys.stderr)
        return 2

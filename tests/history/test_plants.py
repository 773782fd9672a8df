"""Each planted violation is found, and the sentence names the rule and the request."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from history.checker import check
from history.events import Event
from history.truth.generate import true_history
from history.truth.house import SLACK_S
from history.truth.plants import PLANTS, Planted

ROOT = Path(__file__).parents[2]
PLACES = 4  # in which each is planted
SEEDS = 400


@cache
def short(seed: int) -> list[Event]:
    """A true history of 40 s."""
    return true_history(seed, seconds=40.0)


def planted(name: str, places: int) -> list[Planted]:
    """So many histories with a violation, by the first seeds that have a place for it."""
    _, plant = PLANTS[name]
    histories: list[Planted] = []
    for seed in range(SEEDS):
        if history := plant(short(seed)):
            histories.append(history)
        if len(histories) == places:
            break
    assert len(histories) == places
    return histories


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_violation_is_found(name: str) -> None:
    """One sentence names the rule and the request that breaks it."""
    rule, _ = PLANTS[name]
    for history in planted(name, PLACES):
        violations = check(history.events, SLACK_S).violations
        named = [
            violation for violation in violations if (violation.rule, violation.request) == (rule, history.request)
        ]
        assert named, violations
        assert named[0].sentence.startswith(f"{rule}: ")
        assert history.request in named[0].sentence
        assert "\n" not in named[0].sentence


def test_the_command_reads_files_and_says_what_was_broken(tmp_path: Path) -> None:
    """It ends with 0 for a true history, with 1 and a sentence for a false one, and with 2 for none."""

    def run(*files: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.history", *map(str, files)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    (history,) = planted("two_ends", 1)
    halves = tmp_path / "a", tmp_path / "b"
    for number, file in enumerate(halves):
        file.write_bytes(b"".join(event.line() for event in history.events[number::2]))
    false = run(*halves)
    assert false.returncode == 1
    assert f"ended once: request {history.request} " in false.stdout
    halves[0].write_bytes(b"".join(event.line() for event in true_history(1)))
    true = run(halves[0])
    assert (true.returncode, true.stderr) == (0, "")
    assert "; 0 violations" in true.stdout
    halves[0].write_text("nonsense\n")
    assert run(halves[0]).returncode == run(tmp_path / "nothing").returncode == 2

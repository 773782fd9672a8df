"""Preferences of `hushd tune`: nothing slower, no other words, and the present settings in a tie."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hushd_cli.commands.tune.search import (
    BEAM,
    COMPUTE_TYPE,
    THREADS,
    VARIABLES,
    Environment,
    Measured,
    Outcome,
    Trial,
    better,
    dimensions,
    same_words,
    search,
    why_not,
)

NOW = Measured(1.0, 300.0, "ever tried ever failed")


@pytest.mark.parametrize(
    ("seconds", "memory", "text", "wanted"),
    [
        (1.0, 300.0, "ever tried ever failed", False),
        (0.96, 300.0, "ever tried ever failed", False),
        (0.95, 300.0, "ever tried ever failed", True),
        (0.5, 900.0, "Ever tried? Ever failed.", True),
        (0.5, 300.0, "never tried never failed", False),
        (1.02, 240.0, "ever tried ever failed", True),
        (1.03, 100.0, "ever tried ever failed", False),
        (1.0, 241.0, "ever tried ever failed", False),
    ],
)
def test_what_is_better(seconds: float, memory: float, text: str, wanted: bool) -> None:
    """A twentieth quicker, or as quick and a fifth smaller; with the same words in any case."""
    assert better(Measured(seconds, memory, text), NOW, NOW) is wanted


def test_the_noise_is_that_of_the_runs() -> None:
    """The median counts, and the spread without the quickest and the slowest run."""
    found = Measured.of([1.0, 9.0, 1.2, 1.1, 0.1], 300.0, "a")
    assert (found.seconds, round(found.noise, 6)) == (1.1, 0.2)


@pytest.mark.parametrize(("noise", "wanted"), [(0.0, True), (0.09, True), (0.11, False)])
def test_what_is_quicker_within_the_noise_is_not_better(noise: float, wanted: bool) -> None:
    """A tenth of a second quicker, where runs of either differ by less, or by more."""
    quick = Measured(0.9, 300.0, NOW.text)
    assert better(quick, replace(NOW, noise=noise), NOW) is wanted
    assert better(replace(quick, noise=noise), NOW, NOW) is wanted


@pytest.mark.parametrize(
    ("quick", "again", "reason"),
    [
        (Measured(0.5, 300.0, "something else"), NOW, "hears other words"),
        (Measured(0.97, 300.0, NOW.text), NOW, "not 5% quicker"),
        (Measured(0.8, 300.0, NOW.text, 0.4), NOW, "not quicker beyond the noise of 0.4 s"),
        (Measured(0.8, 300.0, NOW.text), replace(NOW, seconds=0.85), "not quicker beyond the noise of 0.15 s"),
    ],
)
def test_the_quicker_one_that_is_not_chosen_says_why(quick: Measured, again: Measured, reason: str) -> None:
    """The settings before are measured again if others seemed better; the difference of both is noise too."""
    measured = iter([NOW, quick, again])
    outcome = search({}, {THREADS: ("1",)}, lambda e: Trial(e, next(measured)), lambda: True)
    assert not outcome.changed
    assert why_not(outcome.trials[1], outcome) == reason
    assert why_not(outcome.before, outcome) == ""


def test_what_does_not_work_is_never_better() -> None:
    """And anything is better than that."""
    assert not better(None, NOW, NOW)
    assert not better(None, None, None)
    assert better(NOW, None, None)


def test_words() -> None:
    """Case and punctuation are not words; one wrong of a hundred is the same, one of ten is not."""
    hundred = " ".join(f"w{n}" for n in range(100))
    assert same_words("Don't stop!", "don't stop")
    assert same_words(hundred, hundred.replace("w7 ", "x "))
    assert not same_words("a b c d e f g h i j", "a b c d e f g h i x")
    assert same_words("", "")
    assert not same_words("", "a")


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 64])
def test_threads_that_are_tried(cores: int) -> None:
    """Fewer than the engine takes by itself, which is all; on one core there is nothing to be tried."""
    values = dimensions("moonshine", cores).get(THREADS, ())
    assert all(1 <= int(value) < cores for value in values)
    assert bool(values) == (cores > 1)
    assert set(dimensions("faster-whisper", cores)) - {THREADS} == {COMPUTE_TYPE, BEAM}
    assert dimensions("command", cores) == {}


@pytest.mark.parametrize(("cores", "expected"), [(1, ()), (2, ("2",)), (4, ("1", "2", "4")), (8, ("1", "2", "4", "8"))])
def test_an_engine_that_spares_a_core_is_tried_with_all(cores: int, expected: tuple[str, ...]) -> None:
    """Its own number, one fewer than there are, is not tried again."""
    assert dimensions("transcribe-cpp", cores).get(THREADS, ()) == expected


def tune(before: Environment, engine: str, table: dict[Environment, Measured | None], patience: int = 99) -> Outcome:
    left = itertools.count(patience, -1)
    return search(
        before,
        dimensions(engine, 4),
        lambda e: Trial(e, table[frozenset(e.items())]),  # type: ignore[index]
        lambda: next(left) > 0,
    )


def test_whatever_is_measured() -> None:
    """Three hundred machines at random: the choice is one that was tried, never slower than before (but for a
    fiftieth, if it is a fifth smaller), with the same words; and what was before was tried first."""
    rng = random.Random(6)
    tries = dimensions("faster-whisper", 4)
    for _ in range(300):
        table = {
            frozenset((variable, value) for variable, value in zip(tries, values, strict=True) if value): (
                None if rng.random() < 0.1
                else Measured(
                    rng.uniform(0.5, 1.5), rng.uniform(100, 400), rng.choice(["same"] * 2 + ["other"]), rng.random() / 4
                )
            )
            for values in itertools.product(*(("", *found) for found in tries.values()))
        }  # fmt: skip
        before = dict(rng.choice(list(table)))
        outcome = tune(before, "faster-whisper", table)  # type: ignore[arg-type]
        assert outcome.trials[0].environment == before
        assert outcome.best in outcome.trials
        assert len({frozenset(trial.environment.items()) for trial in outcome.trials}) == len(outcome.trials)
        first, best = outcome.before.measured, outcome.best.measured
        if first is not None:
            assert best is not None
            assert best.seconds <= 1.02 * first.seconds
            quicker = [one for one in outcome.trials if one.measured and one.measured.seconds < best.seconds]
            assert all(why_not(one, outcome) for one in quicker)
            assert best is first or best.text == first.text
            assert (
                not outcome.changed or best.seconds <= 0.95 * first.seconds or best.memory_mb <= 0.8 * first.memory_mb
            )


def test_all_the_same_changes_nothing() -> None:
    """Of equals the one before stays."""
    tries = dimensions("faster-whisper", 4)
    for before in ({}, {THREADS: "2"}):
        outcome = search(before, tries, lambda e: Trial(e, NOW), lambda: True)
        assert not outcome.changed
        assert {} in [dict(trial.environment) for trial in outcome.trials]


def test_a_busy_beginning_is_not_believed() -> None:
    """Present settings that seemed slow because the machine had other work are measured again, and stay."""
    times = iter([2.0, 1.0, 1.0, 1.0])
    outcome = search({}, {THREADS: ("1", "2")}, lambda e: Trial(e, Measured(next(times), 300.0)), lambda: True)
    assert not outcome.changed


def test_time_is_up() -> None:
    """Trials left out are counted, and those made give a result."""
    outcome = search({}, dimensions("whisper", 4), lambda e: Trial(e, NOW), lambda: False)
    assert len(outcome.trials) == 1
    assert outcome.skipped == 4
    assert set(VARIABLES) == {THREADS, COMPUTE_TYPE, BEAM}

"""The search for a worker's quickest settings on this machine: which to try, and which are better. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from statistics import median

Environment = Mapping[str, str]

THREADS, COMPUTE_TYPE, BEAM = "OMP_NUM_THREADS", "HUSHD_COMPUTE_TYPE", "HUSHD_BEAM_SIZE"
VARIABLES = (THREADS, COMPUTE_TYPE, BEAM)  # what is written into a worker's environment

# By engine, what else it reads than the number of threads. Of its values the engine's own default is none.
_MORE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "faster-whisper": {COMPUTE_TYPE: ("int8_float32", "float32"), BEAM: ("1",)},
    "whisper": {COMPUTE_TYPE: ("int8",), BEAM: ("1",)},
}
_THREADED = ("moonshine", "faster-whisper", "whisper", "onnx-asr", "hibari", "kokoro", "piper", "chatterbox")

FASTER = 0.95  # of the time: less of a difference is chance, and what was is kept
NOT_SLOWER, SMALLER = 1.02, 0.8  # of time and memory: as quick, and a fifth smaller
SAME_WORDS = 0.98  # of what the first settings heard; a cheaper way that hears something else is none


@dataclass(frozen=True, slots=True)
class Measured:
    """A worker's work with some settings: the median of its runs in seconds, its memory in MB, and what it heard.

    `noise` is the spread of the runs in seconds: a difference within it may be chance.
    """

    seconds: float
    memory_mb: float
    text: str = ""
    noise: float = 0.0

    @classmethod
    def of(cls, runs: Sequence[float], memory_mb: float, text: str) -> Measured:
        """Of several runs; the quickest and the slowest may be outliers and do not count to the noise."""
        inner = sorted(runs)[1:-1] or sorted(runs)
        return cls(median(runs), memory_mb, text, inner[-1] - inner[0])


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings that were tried. `measured` is None where the worker could not work with them, for the reason `note`."""

    environment: Environment
    measured: Measured | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The first of `trials` is how it was before; `best` is one of them; `skipped` were not tried for want of time.

    `again` is what was before, measured once more at the end.
    """

    trials: tuple[Trial, ...]
    best: Trial
    skipped: int = 0
    again: Measured | None = None

    @property
    def before(self) -> Trial:
        return self.trials[0]

    @property
    def changed(self) -> bool:
        return self.best.environment != self.before.environment


def dimensions(engine: str, cores: int) -> dict[str, tuple[str, ...]]:
    """The values to try for an engine on so many cores, by variable; the engine's own values are not among them."""
    found: dict[str, tuple[str, ...]] = {}
    if engine in _THREADED:
        # One, the first few, and half: hyperthreads and slow cores often do not help.
        found[THREADS] = tuple(str(n) for n in sorted({1, 2, 4, max(1, cores // 2)}) if n < cores)
    return {variable: values for variable, values in (found | dict(_MORE.get(engine, {}))).items() if values}


def search(
    before: Environment,
    tries: Mapping[str, tuple[str, ...]],
    measure: Callable[[Environment], Trial],
    time_left: Callable[[], bool],
) -> Outcome:
    """Goes through the variables one after the other, keeping the best value of each.

    What was before is measured first, then the engine's defaults where that is something else, and at the end what was
    before once more if something seemed to be better: a machine that had other work to do at first proves nothing.

    Args:
        before: the settings now; the values of `VARIABLES` in it.
        measure: tries settings. What it raises passes.
        time_left: asked before each trial but the first.
    """
    first = measure(before)
    trials = [first]
    best, skipped = first, 0

    def attempt(environment: Environment) -> None:
        nonlocal best, skipped
        if any(trial.environment == environment for trial in trials):
            return
        if not time_left():
            skipped += 1
            return
        trials.append(measure(environment))
        if better(trials[-1].measured, best.measured, first.measured):
            best = trials[-1]

    if before:
        attempt({})
    for variable, values in tries.items():
        base = {name: value for name, value in best.environment.items() if name != variable}
        for value in ("", *values):
            attempt(base | ({variable: value} if value else {}))
    again = None
    if best is not first and first.measured is not None:
        again = measure(before).measured
        if not better(best.measured, _both(first.measured, again), first.measured):
            best = first
    return Outcome(tuple(trials), best, skipped, again)


def why_not(trial: Trial, outcome: Outcome) -> str:
    """Returns the reason why a trial was not chosen although it was quicker; empty where it was not quicker."""
    found, chosen, first = trial.measured, outcome.best.measured, outcome.before.measured
    if found is None or chosen is None or trial is outcome.best or found.seconds >= chosen.seconds:
        return ""
    if first is not None and not same_words(found.text, first.text):
        return "hears other words"
    other = _both(first, outcome.again) if outcome.best is outcome.before and first else chosen
    noise = max(found.noise, other.noise)
    if other.seconds - found.seconds <= noise:
        return f"not quicker beyond the noise of {noise:.2g} s"
    return f"not {1 - FASTER:.0%} quicker"


def better(one: Measured | None, other: Measured | None, reference: Measured | None) -> bool:
    """Whether `one` is to be preferred to `other`: as right as `reference`, and quicker beyond the noise of both, or
    smaller."""
    if one is None:
        return False
    if other is None:
        return True
    if reference is not None and not same_words(one.text, reference.text):
        return False
    if one.seconds <= FASTER * other.seconds and other.seconds - one.seconds > max(one.noise, other.noise):
        return True
    return one.seconds <= NOT_SLOWER * other.seconds and one.memory_mb <= SMALLER * other.memory_mb


def same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, but for one or two in a hundred."""
    heard, wanted = words(one), words(other)
    return heard == wanted or SequenceMatcher(None, heard, wanted, autojunk=False).ratio() >= SAME_WORDS


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold())


def _both(one: Measured, again: Measured | None) -> Measured:
    """The quicker of two measurements of the same settings; their difference is noise as well."""
    if again is None:
        return one
    noise = max(one.noise, again.noise, abs(one.seconds - again.seconds))
    return replace(min(one, again, key=lambda found: found.seconds), noise=noise)

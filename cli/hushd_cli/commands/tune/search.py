"""Searches for a worker's fastest settings on this machine: chooses trials, and compares results. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from statistics import median

from hushd_protocol.light_dataclass import dataclass, replace
from hushd_schema import engines

Environment = Mapping[str, str]

THREADS, COMPUTE_TYPE, BEAM = "OMP_NUM_THREADS", "HUSHD_COMPUTE_TYPE", "HUSHD_BEAM_SIZE"
VARIABLES = (THREADS, COMPUTE_TYPE, BEAM)  # tuned for all workers, in addition to the engine's own

FASTER = 0.95  # of the time: smaller differences are chance, and the former settings stay
NOT_SLOWER, SMALLER = 1.02, 0.8  # of time and memory: as fast, and a fifth smaller
SAME_WORDS = 0.98  # of the words with the first settings: faster settings that mishear do not count


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurement of one set of settings: the median of its runs in seconds, its memory in MB, and its transcript.

    `noise` is the spread of the runs in seconds: a difference within it may be chance.
    """

    seconds: float
    memory_mb: float
    text: str = ""
    noise: float = 0.0

    @classmethod
    def of(cls, runs: Sequence[float], memory_mb: float, text: str) -> Measured:
        """Summarises several runs; the noise ignores the fastest and the slowest run, which may be outliers."""
        inner = sorted(runs)[1:-1] or sorted(runs)
        return cls(median(runs), memory_mb, text, inner[-1] - inner[0])


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of settings; `measured` is None if the worker failed, and `note` has the reason."""

    environment: Environment
    measured: Measured | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a search.

    Attributes:
        trials: all trials, the present settings first.
        best: the best trial.
        skipped: the number of trials without time left.
        again: the present settings, measured again at the end.
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


def variables(engine: str, role: str = "") -> tuple[str, ...]:
    """Returns the variables of a worker's environment that are tuned."""
    spec = engines.find(engine, role)
    return tuple(dict.fromkeys((*VARIABLES, *(spec.tuning if spec else ()))))


def dimensions(engine: str, cores: int, role: str = "") -> dict[str, tuple[str, ...]]:
    """Returns the values to try, by variable, for an engine on so many cores; its defaults are not among them."""
    tries: dict[str, tuple[str, ...]] = {}
    if (spec := engines.find(engine, role)) is None:
        return tries
    if spec.threaded:
        # One, a few, half and all cores: hyperthreads and slow cores often do not help.
        usual = max(1, cores - spec.spare_cores)
        tries[THREADS] = tuple(str(n) for n in sorted({1, 2, 4, max(1, cores // 2), cores} - {usual}) if n <= cores)
    return {variable: values for variable, values in (tries | dict(spec.tuning)).items() if values}


def search(
    present: Environment,
    tries: Mapping[str, tuple[str, ...]],
    measure: Callable[[Environment], Trial],
    time_left: Callable[[], bool],
) -> Outcome:
    """Tries the values of one variable after the other, and keeps the best of each.

    The present settings are measured first, then the engine's defaults where these differ. If something seemed better,
    the present settings are measured once more at the end: the machine may have been busy the first time.

    Args:
        present: the present values of `variables`.
        measure: tries a set of settings; its exceptions pass through.
        time_left: asked before each trial but the first.
    """
    first = measure(present)
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

    if present:
        attempt({})
    for variable, values in tries.items():
        base = {name: value for name, value in best.environment.items() if name != variable}
        for value in ("", *values):
            attempt(base | ({variable: value} if value else {}))
    again = None
    if best is not first and first.measured is not None:
        again = measure(present).measured
        if not better(best.measured, _both(first.measured, again), first.measured):
            best = first
    return Outcome(tuple(trials), best, skipped, again)


def why_not(trial: Trial, outcome: Outcome) -> str:
    """Returns the reason against a faster trial; empty if it was not faster."""
    measured, chosen, first = trial.measured, outcome.best.measured, outcome.before.measured
    if measured is None or chosen is None or trial is outcome.best or measured.seconds >= chosen.seconds:
        return ""
    if first is not None and not same_words(measured.text, first.text):
        return "hears other words"
    other = _both(first, outcome.again) if outcome.best is outcome.before and first else chosen
    noise = max(measured.noise, other.noise)
    if other.seconds - measured.seconds <= noise:
        return f"not quicker beyond the noise of {noise:.2g} s"
    return f"not {1 - FASTER:.0%} quicker"


def better(tried: Measured | None, rival: Measured | None, reference: Measured | None) -> bool:
    """Returns whether `tried` beats `rival`: it has the words of `reference`, and is clearly faster, or smaller."""
    if tried is None:
        return False
    if rival is None:
        return True
    if reference is not None and not same_words(tried.text, reference.text):
        return False
    if tried.seconds <= FASTER * rival.seconds and rival.seconds - tried.seconds > max(tried.noise, rival.noise):
        return True
    return tried.seconds <= NOT_SLOWER * rival.seconds and tried.memory_mb <= SMALLER * rival.memory_mb


def same_words(text: str, other: str) -> bool:
    """Returns whether two texts have the same words, except for one or two in a hundred."""
    words_of_text, words_of_other = words(text), words(other)
    return (
        words_of_text == words_of_other
        or SequenceMatcher(None, words_of_text, words_of_other, autojunk=False).ratio() >= SAME_WORDS
    )


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold())


def _both(first: Measured, again: Measured | None) -> Measured:
    """Returns the faster of two measurements of the same settings; their difference adds to the noise."""
    if again is None:
        return first
    noise = max(first.noise, again.noise, abs(first.seconds - again.seconds))
    return replace(min(first, again, key=lambda measured: measured.seconds), noise=noise)

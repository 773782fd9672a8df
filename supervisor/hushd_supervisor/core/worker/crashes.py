"""A worker's crashes: what each says to its requests, how long to wait before the next start, and when to give up."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field

from hushd_protocol.errors import HushdError

from .states import State

BACKOFF_S = 0.5  # seconds before the first restart; each further one waits twice as long
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0  # seconds of being ready after which the next crash starts at BACKOFF_S again
WINDOW_S = 300.0
MAX_CRASHES = 4  # crashes in WINDOW_S, not explained by a request, after which the worker is FAILED
MAX_FELLED = 8  # starts in a row, or runs of one request, that something outside of hushd ends, until it is given up
MAX_STARVED = 2  # ends of a job while memory is critically short; then it is refused, as it may be the cause
COOLDOWN_S = 120.0  # seconds for which it stays FAILED
MAX_STALLED = 2  # starts without progress in a row after which it is FAILED, however long each took

_BAR = r"\d%\||\d(it/s|s/it)\b"  # progress bar of tqdm
# The signals by which a program ends itself: a fault in it, or in a library.
CRASH_SIGNALS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
# The signals by which other programs, users and the system end it.
_FELLING_SIGNALS = (
    signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
_SAY_NOTHING = ("", "Traceback (most recent call last):")  # last lines of a log that ends before the error was written

Key = tuple[bytes, bytes]


@dataclass(slots=True)
class Crashes:
    """The crashes of one worker in the last five minutes."""

    _total: int = 0
    _stalled: int = 0  # starts ended for making no progress since the last successful one
    _felled: int = 0  # starts since then that something outside of hushd has ended
    _times: list[tuple[float, frozenset[Key]]] = field(default_factory=list)
    _delay: float = BACKOFF_S

    @property
    def total(self) -> int:
        """The number of all crashes so far, and of all starts ended for making no progress."""
        return self._total

    def add(self, death: Death, running: frozenset[Key], now: float) -> None:
        """Records a death under the requests `running`. A start that makes no progress, or that something outside of
        hushd has ended, counts by itself; a process at work that something outside has ended counts not at all."""
        if death.felled and not death.starting:
            return
        self._total += 1
        if death.felled:
            self._felled += 1
        elif death.start_timed_out:
            self._stalled += 1
        else:
            self._times = [entry for entry in self._times if now - entry[0] < WINDOW_S]
            self._times.append((now, running))
            if death.ready_for >= STEADY_S:
                self._delay = BACKOFF_S

    def started(self) -> None:
        """Records a start that has succeeded."""
        self._stalled = self._felled = 0

    def explain(self, poison: Key) -> None:
        """Forgets the crashes that the request `poison` explains."""
        self._times = [entry for entry in self._times if poison not in entry[1]]

    def too_many(self) -> bool:
        """Returns whether the worker must be FAILED for a while."""
        return len(self._times) >= MAX_CRASHES or self._stalled >= MAX_STALLED or self._felled >= MAX_FELLED

    @property
    def recent(self) -> int:
        """The number of those that count against the worker."""
        return len(self._times) + self._stalled + self._felled

    def next_delay(self) -> float:
        """Seconds to wait before the next start."""
        delay, self._delay = self._delay, min(BACKOFF_MAX_S, self._delay * 2)
        return delay

    def forget(self) -> None:
        self._times.clear()
        self._stalled = self._felled = 0
        self._delay = BACKOFF_S


@dataclass(frozen=True, slots=True)
class Death:
    """The end of one process of worker `name`.

    Attributes:
        start_timed_out: the reason why it was killed while starting; empty if it was not.
        ready_for: the seconds for which it had been ready.
        expected: whether it was asked for, or an idle process has left by itself.
        short: whether it ended because a job needed more memory than there was, or perhaps did: a program that watches
            memory ends processes, too.
        by_signal: whether it ended by a signal with which code ends itself, drivers' libraries among it.
        felled: whether something outside of hushd has ended or stopped it, for which no request is poison.
        card_failed: whether it ended because its graphics card failed, as it said.
    """

    name: str
    state: State
    exit: str
    log_tail: str
    start_timed_out: str
    ready_for: float = 0.0
    expected: bool = False
    short: bool = False
    card_failed: bool = False
    by_signal: bool = False
    felled: bool = False

    @property
    def starting(self) -> bool:
        """True if the process had never become ready."""
        return self.state is State.STARTING or bool(self.start_timed_out)

    @property
    def cause(self) -> str:
        """The exit and the last line of the log, as a clause."""
        last = _last_sentence(self.log_tail)
        return f"{self.exit}; its log ends: {last[:200]}" if last else self.exit

    @property
    def detail(self) -> dict[str, object]:
        return {"exit": self.exit, "log_tail": self.log_tail}

    def verdict(self, at_work: bool) -> tuple[str, str]:
        """The code and message for requests that are refused because the worker keeps dying like this."""
        if self.felled:
            why = f"{self.name} is ended from outside of hushd whenever it starts ({self.cause})."
            return "worker_failed", f"{why} Look for a program that does that."
        if self.start_timed_out:
            return "start_timeout", f"{self.name} {self.start_timed_out}; see `hushd logs {self.name}`."
        when = "while it starts" if self.state is State.STARTING else "at work" if at_work else "while it is idle"
        why = f"{self.name} keeps crashing {when} ({self.cause}); see `hushd logs {self.name}`."
        return "worker_failed", why

    def loss(self) -> HushdError:
        """The error of a request that is not repeated after it."""
        died = f"{self.name} died under this request ({self.cause})."
        if self.felled:
            died = f"{self.name} was ended from outside of hushd under this request ({self.cause}): ask again."
        return HushdError("worker_crashed", died, detail=self.detail | ({"from_outside": True} if self.felled else {}))

    def last_word(self) -> HushdError:
        """The error of a request under which two processes have ended like this."""
        if self.short:
            lack = f"{self.name} has not enough memory for this request, not even in a fresh process ({self.cause})"
            message = f"{lack}: take a smaller model, or end other programs."
            return HushdError("server_busy", message, detail=self.detail)
        message = f"This request has killed {self.name} twice ({self.cause}): do not repeat it."
        return HushdError("poison_request", message, detail=self.detail)


def _last_sentence(log: str) -> str:
    """Returns the last meaningful line of a log, skipping progress bars, warnings and the lines of code below them."""
    message, below = "", False
    for line in log.splitlines():
        warns = "Warning: " in line
        if line.strip() not in _SAY_NOTHING and not (re.search(_BAR, line) or warns or (below and line[:1].isspace())):
            message = line.strip()
        below = warns
    return message


def is_felled(status: int, killed_by_us: bool, out_of_memory: bool, stopped: bool) -> bool:
    """Returns whether something outside of hushd has ended a process, or had `stopped` it when we killed it."""
    return stopped if killed_by_us else -status in _FELLING_SIGNALS and not out_of_memory


def describe_exit(status: int, killed_by_us: bool, out_of_memory: bool | None = False, stopped: bool = False) -> str:
    """Describes the exit of a process in words.

    Args:
        out_of_memory: whether the kernel killed one of our processes for lack of memory while this one lived; None if
            that is unknown.
        stopped: whether it stood still by a signal when we killed it.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        if killed_by_us:
            return f"{'stopped by a signal, and ' if stopped else ''}killed by hushd for not answering"
        if out_of_memory:
            return "killed by the system, out of memory"
        return (
            "killed by SIGKILL from outside" if out_of_memory is False else "killed by SIGKILL, perhaps out of memory"
        )
    return f"killed by {name}"

"""The unexpected end of a process, and its consequences for the requests that ran on it."""

from __future__ import annotations

import re
import signal

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY

from .crashes import Crashes
from .jobs import Jobs
from .lifecycle import Lifecycle
from .request import ActiveRequest
from .states import State

_BAR = re.compile(r"\d%\||\d(it/s|s/it)\b")  # as tqdm draws it
_CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)  # code ends itself by these
_SAY_NOTHING = ("", "Traceback (most recent call last):")  # last lines of a log that ends before the error was written


@dataclass(frozen=True, slots=True)
class Death:
    """The end of one process of worker `name`.

    Attributes:
        state: the worker's state at the time.
        exit: the exit in words.
        log_tail: the last lines of its log.
        start_timed_out: the reason why it was killed while starting; empty if it was not.
        short: whether it ended because a job needed more memory than there was.
        by_signal: whether it ended by a signal with which code ends itself.
        card_failed: whether it ended because its graphics card failed, or by such a signal while it computed there:
            this is how drivers and their libraries end a process.
    """

    name: str
    state: State
    exit: str
    log_tail: str
    start_timed_out: str
    short: bool = False
    card_failed: bool = False
    by_signal: bool = False

    @classmethod
    def of(cls, name: str, lifecycle: Lifecycle, status: int, log_tail: str, out_of_memory: bool) -> Death:
        """Describes the end of the process that `lifecycle` still takes for alive; see `describe_exit`."""
        words = describe_exit(status, lifecycle.killed, out_of_memory)
        crashed = -status in _CRASHES
        short = status == EXIT_NO_MEMORY
        card_failed = status == EXIT_CARD_FAILED or (crashed and lifecycle.on_card)
        return cls(name, lifecycle.state, words, log_tail, lifecycle.start_timed_out, short, card_failed, crashed)

    @property
    def cause(self) -> str:
        """The exit and the last line of the log, as a clause."""
        last = _last_sentence(self.log_tail)
        return f"{self.exit}; its log ends: {last[:200]}" if last else self.exit

    @property
    def detail(self) -> dict[str, str]:
        """The `detail` of an error."""
        return {"exit": self.exit, "log_tail": self.log_tail}

    def verdict(self, at_work: bool) -> tuple[str, str]:
        """The code and message for requests that are refused because the worker keeps dying like this."""
        if self.start_timed_out:
            return "start_timeout", f"{self.name} {self.start_timed_out}; see `hushd logs {self.name}`."
        when = "while it starts" if self.state is State.STARTING else "at work" if at_work else "while it is idle"
        why = f"{self.name} keeps crashing {when} ({self.cause}); see `hushd logs {self.name}`."
        return "worker_failed", why

    def end_lost(self, lost: list[ActiveRequest], jobs: Jobs, crashes: Crashes, now: float, repeat: bool) -> bool:
        """Ends or repeats the lost requests; True if one of them explains the crash, which is its second."""
        explained = False
        died = HushdError("worker_crashed", f"{self.name} died under this request ({self.cause}).", detail=self.detail)
        for request in lost:
            request.killed.append(crashes)
            second = len(request.killed) + request.message.attempt >= 2 and not request.ending
            if second:
                for record in request.killed:  # one for each replica that it ran on
                    record.explain(request.key)
                explained = True
            if second and len(lost) == 1:  # no other request can be the culprit
                jobs.finish(request, m.Error.of(request.id, self._last_word()))
            else:
                jobs.repeat_or_fail(request, now, repeat and len(request.killed) < 2, died)
        return explained

    def _last_word(self) -> HushdError:
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
        if line.strip() not in _SAY_NOTHING and not (_BAR.search(line) or warns or (below and line[:1].isspace())):
            message = line.strip()
        below = warns
    return message


def describe_exit(status: int, killed_by_us: bool, out_of_memory: bool = False) -> str:
    """Describes the exit of a process in words.

    Args:
        status: the exit status, as in Popen.returncode.
        out_of_memory: whether the kernel killed one of our processes for lack of memory while this one lived.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        if killed_by_us:
            return "killed by hushd for not answering"
        return "killed by the system, out of memory" if out_of_memory else "killed by SIGKILL, perhaps out of memory"
    return f"killed by {name}"

"""The books: every request ends exactly once, with its result or with one clear error."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from history.recorder import Recorder
from hushd_protocol.errors import HushdError

from .witness import Witness

# What may befall any request while workers and supervisors are being killed, whatever it asks for.
WEATHER = frozenset(
    (
        "worker_crashed", "worker_failed", "start_timeout", "poison_request", "overloaded", "server_busy",
        "supervisor_lost", "worker_stopped",
    )
)  # fmt: skip
# And while supervisors come and go.
CHANGES = frozenset(("shutting_down", "no_supervisor"))
END_S = 120.0  # for any request, whose worker may have to be started four times on a machine that others use
SETTLE_S = 30.0  # for the ends that are still to come when a client leaves: a cancel, a kill, an exit
GIVEN_UP = "has stopped answering"  # as clients say of a supervisor that they have waited for in vain
# With these nobody knows what became of a request.
GONE = ("supervisor_lost", "no_supervisor", "shutting_down")

_numbers = count(1)


class WrongAnswerError(Exception):
    """A result of another request."""


class Entry:
    """A request in the history, as the program sees it that makes it."""

    def __init__(self, recorder: Recorder, what: str) -> None:
        self.request = f"{recorder.party}:{what}.{next(_numbers)}"
        self._recorder = recorder

    def saw(self, kind: str, /, **more: Any) -> None:
        """Writes what comes of it."""
        self._recorder.saw(kind, self.request, **more)


class Ledger:
    """Counts; may be used from any thread.

    Args:
        witness: writes the history, and how losses came about.

    Attributes:
        errors: how many requests ended with each code (or `exit N`, of a command).
        abandoned: requests whose client cancelled them or left; they are in no other count.
        starved: how many of the errors are of a supervisor that got no processor, as the kernel says.
        complaints: what must not happen, a sentence each.
        slowest: seconds that the slowest request took.
        weather: codes that any request may end with now.
    """

    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self._lock = threading.Lock()
        self.requests = self.results = self.abandoned = self.duplicates = 0
        self.starved = 0
        self.unended = 0  # on the wire, of clients that waited for the end
        self.errors: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.slowest = (0.0, "")
        self.weather = WEATHER

    @property
    def lost(self) -> int:
        """Requests without an end, and those with a wrong one."""
        return self.requests - self.results - self.errors.total() + self.unended

    @contextmanager
    def request(
        self, what: str, *codes: str, began: float | None = None, op: str = "other", **more: Any
    ) -> Iterator[Entry]:
        """The block makes one request and waits for its end; it raises unless that is the right result.

        Of errors, those of `weather` and `codes` are an end; everything else is a complaint.

        Args:
            op: the operation, in the history, and `more` its fields.
        """
        began = time.monotonic() if began is None else began
        with self._lock:
            self.requests += 1
        entry = Entry(self.witness.recorder(threading.current_thread().name), what)
        entry.saw("invoke", op=op, **more)
        try:
            yield entry
        except HushdError as error:
            if error.code in GONE:
                entry.saw("unknown", why=error.code)
            else:
                entry.saw("fail", code=error.code)
            starved = GIVEN_UP in error.message and bool(error.detail.get("starved"))
            if error.code in self.weather.union(codes) and (starved or _clear(error.message)):
                self._end(what, began, error.code, starved=starved)
            else:
                self.complain(f"{what}: {error.code}: {error.message}")
        except Exception as error:
            entry.saw("unknown", why=type(error).__name__)
            self.complain(f"{what}: {type(error).__name__}: {error}")
        else:
            entry.saw("ok")
            self._end(what, began, None)

    def command(self, what: str, status: int, errors: str, *statuses: int) -> None:
        """Books a command that has ended; exit codes other than 0 and those of the weather must be in `statuses`."""
        with self._lock:
            self.requests += 1
        if status == 0:
            self._end(what, time.monotonic(), None)
        elif status in (3, 5, 7, *statuses) and _clear(errors):
            self._end(what, time.monotonic(), f"exit {status}")
        else:
            self.complain(f"{what}: exit {status}: {errors}")

    def abandon(self, count: int = 1) -> None:
        with self._lock:
            self.abandoned += count

    def complain(self, text: str) -> None:
        with self._lock:
            self.complaints.append(text[:1000])

    def duplicate(self, text: str) -> None:
        with self._lock:
            self.duplicates += 1
        self.complain(text)

    def no_end(self, count: int, text: str) -> None:
        with self._lock:
            self.unended += count
        self.complain(text)

    def _end(self, what: str, began: float, code: str | None, *, starved: bool = False) -> None:
        with self._lock:
            self.starved += starved
            self.slowest = max(self.slowest, (time.monotonic() - began, what))
            if code is None:
                self.results += 1
            else:
                self.errors[code] += 1


def _clear(sentence: str) -> bool:
    """Returns whether a message is one line for a person, neither a traceback nor that of a client that waited in vain.

    No supervisor is stopped for so long that a client may say that it has stopped answering: an end was lost, unless
    the kernel has kept it from a processor for all the time that a client waits.
    """
    line = sentence.strip()
    return bool(line) and not any(words in line for words in ("\n", "Traceback", GIVEN_UP))

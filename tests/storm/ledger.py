"""The books: every request ends exactly once, with its result or with one clear error."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hushd_protocol.errors import HushdError

# What may befall any request while workers and the gateway are being killed; `worker_failed` where the process was that
# lists engines. None is refused for others' deeds: the sentences of such refusals are complaints.
WEATHER = frozenset(
    ("worker_crashed", "worker_failed", "overloaded", "server_busy", "supervisor_lost", "worker_stopped")
)
REFUSALS = ("do not repeat it", "keeps crashing", "from outside of hushd whenever it starts", "made no progress")
END_S = 120.0  # for any request, whose worker may have to be started four times on a machine that others use
GIVEN_UP = "has stopped answering"  # as clients say of a supervisor that they have waited for in vain


class WrongAnswerError(Exception):
    """A result of another request."""


class Ledger:
    """Counts; may be used from any thread.

    Attributes:
        errors: how many requests ended with each code (or `exit N`, of a command).
        complaints: what must not happen, a sentence each.
        slowest: seconds that the slowest request took, and what it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = self.results = 0
        self.errors: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.slowest = (0.0, "")

    @property
    def lost(self) -> int:
        """Requests without an end, and those with a wrong one."""
        return self.requests - self.results - self.errors.total()

    @contextmanager
    def request(self, what: str) -> Iterator[None]:
        """The block makes one request and waits for its end; it raises unless that is the right result.

        Of errors, those of the weather are an end; everything else is a complaint.
        """
        began = time.monotonic()
        with self._lock:
            self.requests += 1
        try:
            yield
        except HushdError as error:
            if error.code in WEATHER and _clear(error.message):
                self._end(what, began, error.code)
            else:
                self.complain(f"{what}: {error.code}: {error.message}")
        except Exception as error:
            self.complain(f"{what}: {type(error).__name__}: {error}")
        else:
            self._end(what, began, None)

    def command(self, what: str, began: float, status: int, errors: str, *statuses: int) -> None:
        """Books a command that has ended; exit codes other than 0 and those of the weather must be in `statuses`."""
        with self._lock:
            self.requests += 1
        if status == 0:
            self._end(what, began, None)
        elif status in (3, 5, 7, *statuses) and _clear(errors):
            self._end(what, began, f"exit {status}")
        else:
            self.complain(f"{what}: exit {status}: {errors}")

    def complain(self, text: str) -> None:
        with self._lock:
            self.complaints.append(text[:1000])

    def _end(self, what: str, began: float, code: str | None) -> None:
        with self._lock:
            self.slowest = max(self.slowest, (time.monotonic() - began, what))
            if code is None:
                self.results += 1
            else:
                self.errors[code] += 1


def _clear(sentence: str) -> bool:
    """Returns whether a message is one line for a person, neither a traceback, nor a refusal, nor that of a client that
    waited in vain: no supervisor is stopped for so long."""
    line = sentence.strip()
    return bool(line) and not any(words in line for words in ("\n", "Traceback", GIVEN_UP, *REFUSALS))

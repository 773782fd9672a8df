"""The books: every request ends exactly once, with its result or with one clear error."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hushd.transport.connection import Connection
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Accepted, Chunk, Control, Credit, Error, Message, Partial, Progress, Request, Result

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


class WrongAnswerError(Exception):
    """A result of another request."""


class Ledger:
    """Counts; may be used from any thread.

    Attributes:
        errors: how many requests ended with each code (or `exit N`, of a command).
        abandoned: requests whose client cancelled them or left; they are in no other count.
        complaints: what must not happen, a sentence each.
        slowest: seconds that the slowest request took.
        weather: codes that any request may end with now.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = self.results = self.abandoned = self.duplicates = 0
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
    def request(self, what: str, *codes: str, began: float | None = None) -> Iterator[None]:
        """The block makes one request and waits for its end; it raises unless that is the right result.

        Of errors, those of `weather` and `codes` are an end; everything else is a complaint.
        """
        began = time.monotonic() if began is None else began
        with self._lock:
            self.requests += 1
        try:
            yield
        except HushdError as error:
            if error.code in self.weather.union(codes) and _clear(error.message):
                self._end(what, began, error.code)
            else:
                self.complain(f"{what}: {error.code}: {error.message}")
        except Exception as error:
            self.complain(f"{what}: {type(error).__name__}: {error}")
        else:
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

    def _end(self, what: str, began: float, code: str | None) -> None:
        with self._lock:
            self.slowest = max(self.slowest, (time.monotonic() - began, what))
            if code is None:
                self.results += 1
            else:
                self.errors[code] += 1


def _clear(sentence: str) -> bool:
    """Returns whether a message is one line for a person, neither a traceback nor that of a client that waited in vain.

    No supervisor is stopped for so long that a client may say that it has stopped answering: an end was lost.
    """
    line = sentence.strip()
    return bool(line) and not any(words in line for words in ("\n", "Traceback", "has stopped answering"))


def watched(ledger: Ledger) -> type[Connection]:
    """Connections that check their own frames: each request has one end, and nothing after it."""

    class WatchedConnection(Connection):
        """`close` waits for the ends that are still to come; `vanish` does not."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._open: Counter[bytes] = Counter()  # the I/O thread's
            self._awaited = 0
            super().__init__(*arguments, **options)

        def close(self) -> None:
            deadline = time.monotonic() + SETTLE_S
            while self._awaited and self._lost is None and not self._closing and time.monotonic() < deadline:
                time.sleep(0.005)
            if self._awaited and self._lost is None and not self._closing:
                ledger.no_end(self._awaited, f"{self._awaited} requests had no end within {SETTLE_S:.0f} s")
            super().close()

        def vanish(self) -> None:
            super().close()

        def _send(self, socket: Any, message: Message) -> None:
            if isinstance(message, Request | Control):
                self._open[message.id] += 1
                self._awaited += 1
            super()._send(socket, message)

        def _take(self, socket: Any, message: Message) -> None:
            if isinstance(message, Result | Error | Accepted | Chunk | Partial | Progress | Credit) and message.id:
                if self._open[message.id] <= 0:
                    ledger.duplicate(f"after the end of its request: {message!r:.200}")
                elif isinstance(message, Result | Error):
                    self._open[message.id] -= 1
                    self._awaited -= 1
            super()._take(socket, message)

    return WatchedConnection

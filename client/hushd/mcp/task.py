"""What is done for a host, each on a thread of its own: it goes on when its call has been answered with a ticket."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.errors import HushdError

from hushd.dialogue.cancel_scope import CancelScope

if TYPE_CHECKING:
    from hushd.client import Client

KEPT = 50  # errands that have ended, for who still asks
LEAVE_S = 1.0  # to fall silent and close the devices
ENDED = ("completed", "failed", "cancelled")


class Progress(Protocol):
    """How far an errand is."""

    @property
    def state(self) -> str:
        """`queued`, `speaking`, `listening` or `transcribing`."""

    @property
    def heard(self) -> str:
        """What was heard so far."""


@dataclass
class Reading:
    """The transcription of a recording: its texts so far; `done` and `total` in seconds of audio."""

    state: str = "queued"
    segments: list[str] = field(default_factory=list)
    done: float = 0.0
    total: float = 0.0

    @property
    def heard(self) -> str:
        return " ".join(text for segment in self.segments if (text := segment.strip()))


Work = Callable[["Client", "Task"], dict[str, Any]]


class Task:
    """One thing that was asked for, done from construction on.

    Each has a connection of its own: to the floor its callers are strangers who queue, where within one client
    something newer would end it; and while nothing is asked the supervisor has no client here.

    Attributes:
        ticket: its name.
        kind: the tool.
        progress: set by the work.
        result: what the work has returned.
        error: why it failed.
        finished: set at the end.
    """

    def __init__(self, kind: str, holder: str, work: Work) -> None:
        self.ticket = secrets.token_hex(4)
        self.kind = kind
        self.progress: Progress | None = None
        self.result: dict[str, Any] = {}
        self.error: HushdError | None = None
        self.finished = threading.Event()
        self.stop = CancelScope()
        self._thread = threading.Thread(target=self._run, args=(holder, work), name=f"hushd-{kind}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """Where it is: as in `Progress`, or one of `ENDED`."""
        if not self.finished.is_set():
            return self.progress.state if self.progress else "queued"
        if self.error is None:
            return "completed"
        return "cancelled" if self.error.code == "cancelled" else "failed"

    @property
    def heard(self) -> str:
        """What was heard so far."""
        return self.progress.heard if self.progress else ""

    @property
    def audio(self) -> tuple[float, float | None] | None:
        """Seconds of a recording that were read, and of all of it, once that is known; None: it is about none."""
        reading = self.progress
        return (reading.done, reading.total or None) if isinstance(reading, Reading) else None

    def _run(self, holder: str, work: Work) -> None:
        from hushd.client import Client  # the first call pays for it, not the start

        try:
            with Client(holder=holder) as client:
                self.stop.check()
                self.result = work(client, self)
        except HushdError as error:
            self.error = error
        except Exception as error:
            self.error = HushdError("worker_failed", f"This is a bug in hushd ({type(error).__name__}: {error}).")
        finally:
            self.finished.set()


class TaskRegistry:
    """All errands of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._closed = False

    def begin(self, kind: str, holder: str, work: Work) -> Task:
        """Starts an errand."""
        with self._lock:
            if self._closed:
                raise HushdError("shutting_down", "The server is leaving.")
            ended = [task for task in self._tasks.values() if task.finished.is_set()]
            for task in ended[: max(0, len(ended) - KEPT)]:
                del self._tasks[task.ticket]
            task = Task(kind, holder, work)
            self._tasks[task.ticket] = task
            return task

    def find(self, ticket: str) -> Task:
        """The errand of a ticket.

        Raises:
            HushdError: `bad_request` when there is none.
        """
        task = self._tasks.get(ticket.strip().lower())
        if task is None:
            raise HushdError("bad_request", f"There is no ticket {ticket!r}, or its result was thrown away long ago.")
        return task

    def under_way(self) -> list[Task]:
        """Those that have not ended, the oldest first."""
        with self._lock:
            return [task for task in self._tasks.values() if not task.finished.is_set()]

    def close(self) -> None:
        """Ends everything, and returns when it is quiet. Nothing can be begun any more."""
        with self._lock:
            self._closed = True
        left = self.under_way()
        for task in left:
            task.stop()
        for task in left:
            task.finished.wait(LEAVE_S)

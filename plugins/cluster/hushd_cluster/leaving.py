"""A node that is taken away: `hushd cluster leave` says so to the tasks on it, by a file in its runtime folder.

From then on tasks that come are sent back, those that can end in time go on, and the others hand their recordings back
at once. Times are seconds since 1970, since several processes compare them.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file, paths

GRACE_S = 30.0
LOOK_S = 0.5
FORGOTTEN_S = 3600.0  # after its end: the machine was not taken away


class Notice:
    """The notice that a machine leaves, and who is at work there.

    This process alone gets one by SIGTERM, while it is in a block of `by_signal`.
    """

    def __init__(self, folder: Path) -> None:
        self._own_until: float | None = None
        self._file = folder / "cluster-leaves.json"
        self._lock = folder / "cluster-tasks.lock"

    def give(self, until: float) -> None:
        """Says that the machine leaves at `until`; raises OSError."""
        atomic_file.replace(self._file, json.dumps({"until": until}), mode=0o600)

    def take_back(self) -> None:
        """Says that it stays."""
        self._file.unlink(missing_ok=True)

    def until(self, now: float) -> float | None:
        """Returns when the machine leaves; None if it stays."""
        try:
            until = float(json.loads(self._file.read_bytes())["until"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return self._own_until
        return until if now < until + FORGOTTEN_S else self._own_until

    @contextmanager
    def by_signal(self) -> Iterator[None]:
        """Has SIGTERM to this process be a notice with the usual grace; without it, Ray would end the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(*_: object) -> None:
            self._own_until = self._own_until or time.time() + GRACE_S

        before = signal.signal(signal.SIGTERM, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Has `is_at_rest` know of a task."""
        descriptor = -1
        with suppress(OSError):  # without it `leave` ends early, and the task is lost
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        try:
            yield
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def is_at_rest(self) -> bool:
        """Returns whether no task is at work on the machine."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True


class Watch:
    """Watches for the notice while a task is at work, on a thread of its own.

    Args:
        stop: called once, from the thread, when the task must hand its recording back.
        keep: called once, from the thread, when the notice is seen: the machine may be gone sooner than it says.

    Attributes:
        has_stopped: whether it was.
        done_s, total_s: seconds of sound heard, and in all; 0 while unknown.
    """

    def __init__(
        self,
        notice: Notice,
        stop: Callable[[], None],
        keep: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._notice = notice
        self._stop = stop
        self._keep = keep
        self._clock = clock
        self._begun = clock()
        self.done_s = self.total_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hushd-leaving", daemon=True)
        self.has_stopped = False

    def progressed(self, done: float, total: float) -> None:
        """Notes how far the task is, in seconds of sound."""
        self.done_s, self.total_s = done, total

    def must_stop(self) -> bool:
        """Returns whether the machine leaves before the task can end; one that does not know goes on to the last."""
        now = self._clock()
        if (until := self._notice.until(now)) is None:
            return False
        return now >= until or now + self._left_s(now) > until

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _left_s(self, now: float) -> float:
        done = self.done_s
        return (self.total_s - done) * (now - self._begun) / done if done > 0 else 0.0

    def _run(self) -> None:
        is_kept = False
        while not self._over.wait(LOOK_S):
            if not is_kept and self._notice.until(self._clock()) is not None:
                is_kept = True
                self._keep()
            if self.must_stop():
                self.has_stopped = True
                self._stop()
                return


def handed_back() -> HushdError:
    """Returns the error of a task whose machine leaves."""
    return HushdError("shutting_down", "This node leaves the cluster: another one transcribes the recording.")


def leave(grace_s: float, wait: Callable[[float], object] = time.sleep) -> bool:
    """Gives the notice, and waits until no task is at work here, or `grace_s` seconds; returns whether none is.

    Raises:
        HushdError: `output_failed` if the notice cannot be given.
    """
    places = paths.find()
    notice = Notice(places.runtime)
    until = time.time() + grace_s
    try:
        paths.prepare_runtime(places)
        notice.give(until)
    except OSError as error:
        raise HushdError("output_failed", f"{places.runtime} cannot be written ({error.strerror}).") from error
    while not notice.is_at_rest():
        if time.time() > until + 2 * LOOK_S:
            return False
        wait(LOOK_S / 5)
    return True

"""The processor time that a supervisor had to wait for, as the kernel counts it: a starved one is not to blame."""

from __future__ import annotations

import threading
import time
from pathlib import Path

EVERY_S = 0.25
STARVED = 0.8  # of a silence


class Vitals(threading.Thread):
    """Looks a few times a second.

    Args:
        run: the runtime folder, whose lock says which process the supervisor is.

    Attributes:
        waited_s: seconds for which the main threads of supervisors were ready to run, and not on a processor.
    """

    def __init__(self, run: Path) -> None:
        super().__init__(name="vitals", daemon=True)
        self._lock = run / "lock"
        self._over = threading.Event()
        self.waited_s = 0.0

    def run(self) -> None:
        last: tuple[str, int] = "", 0
        while not self._over.wait(EVERY_S):
            supervisor = _read(self._lock).strip()
            words = _read(f"/proc/{supervisor}/task/{supervisor}/schedstat").split() if supervisor.isdigit() else []
            if len(words) < 2:
                continue
            if last[0] == supervisor:
                self.waited_s += (int(words[1]) - last[1]) / 1e9
            last = supervisor, int(words[1])

    def end(self) -> None:
        """Stops looking."""
        self._over.set()
        if self.is_alive():
            self.join()


class Patience:
    """A limit of time for which a supervisor is to blame: while it waits for a processor, the limit does not run down.

    One that sleeps and has forgotten somebody is found after so many seconds, however busy the machine is.
    """

    def __init__(self, seconds: float, vitals: Vitals) -> None:
        self._vitals = vitals
        self._until = time.monotonic() + seconds - vitals.waited_s

    def left(self) -> float:
        """The seconds that are left, at least."""
        return self._until + self._vitals.waited_s - time.monotonic()


class Silence:
    """A time in which a supervisor has said nothing, from now on."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._began, self._waited = time.monotonic(), vitals.waited_s

    def was_starved(self) -> bool:
        """Returns whether it has waited for a processor for nearly all of that time."""
        return self._vitals.waited_s - self._waited > STARVED * (time.monotonic() - self._began)


def _read(path: str | Path) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""

"""The vital signs of a storm: what the kernel knows of the machine, the supervisor, its children and this process.

They tell a process that waits for its turn from one that sleeps: a thread that is starved stays runnable (`R`) and its
wait for a processor grows, one that is stuck sleeps (`S`, `D`) and neither grows, one that was stopped is `T`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol.system.footprint import descendants

EVERY_S = 0.25
KEPT_S = 40.0  # more than the 10 s after which a client gives up who sleeps
STARVED = 0.8  # of a silence
STACK = 12  # calls of a thread that are written down

_Times = tuple[int, int]  # ns on a processor, ns of waiting for one


class Vitals(threading.Thread):
    """Looks a few times a second, and keeps the last looks.

    Args:
        run: the runtime folder, whose lock says which process the supervisor is.

    Attributes:
        waited_s: seconds for which the main threads of supervisors were ready to run, and not on a processor.
    """

    def __init__(self, run: Path) -> None:
        super().__init__(name="vitals", daemon=True)
        self._lock = run / "lock"
        self._looks: deque[tuple[float, str]] = deque(maxlen=round(KEPT_S / EVERY_S))
        self._times: dict[str, _Times] = {}
        self._over = threading.Event()
        self.waited_s = 0.0

    def run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            self._looks.append((now, f"{now:.3f} ({1000 * (now - due):.0f} ms late) {self._look()}"))
            due = now + EVERY_S

    def end(self) -> None:
        """Stops looking."""
        self._over.set()
        if self.is_alive():
            self.join()

    def lines(self, seconds: float = KEPT_S) -> str:
        """The looks of the last seconds, a line each."""
        since = time.monotonic() - seconds
        return "\n".join(text for at, text in list(self._looks) if at >= since)

    def _look(self) -> str:
        times, self._times = self._times, {}
        supervisor = _read(self._lock).strip()
        parts = [f"self {self._process('self', times)}"]
        if supervisor.isdigit():
            parts.append(f"supervisor {supervisor} {self._process(supervisor, times)}")
            main = f"/proc/{supervisor}/task/{supervisor}"
            if main in times and main in self._times:
                self.waited_s += (self._times[main][1] - times[main][1]) / 1e9
            parts += (f"{pid} {self._process(pid, times, all_threads=False)}" for pid in descendants(supervisor))
        return f"{_machine()} | {' | '.join(parts)}"

    def _process(self, pid: str, before: dict[str, _Times], *, all_threads: bool = True) -> str:
        """Its threads: the state of each, and the ms that it has run and waited for a processor since the last look.

        The idle ones are left out, but for the first.
        """
        places = [f"/proc/{pid}"]
        if all_threads:
            try:
                places = sorted(f"/proc/{pid}/task/{name}" for name in os.listdir(f"/proc/{pid}/task"))
            except OSError:
                return "has ended"
        said = [self._thread(place, before, idle=not number) for number, place in enumerate(places)]
        return ", ".join(filter(None, said))

    def _thread(self, place: str, before: dict[str, _Times], *, idle: bool) -> str:
        """One thread; the empty string for an idle one, unless it is looked for."""
        words = _read(f"{place}/schedstat").split()
        if len(words) < 2:
            return "has ended"
        now = int(words[0]), int(words[1])
        self._times[place] = now
        since = before.get(place, now)
        if now == since and not idle:
            return ""  # hundreds are: their names are not read
        name, _, fields = _read(f"{place}/stat").rpartition(")")
        ran, waited = (round((a - b) / 1e6) for a, b in zip(now, since, strict=True))
        return f"{name.partition('(')[2]} {fields[1:2]} +{ran}/+{waited}"


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


def threads(words: tuple[str, ...]) -> str:
    """The last calls of the threads of this process whose names contain any of `words`."""
    frames = sys._current_frames()
    return "\n".join(
        f"{thread.name}:\n{''.join(traceback.format_stack(frames[thread.ident])[-STACK:])}"
        for thread in threading.enumerate()
        if thread.ident in frames and any(word in thread.name for word in words)
    )


def _machine() -> str:
    """The threads that run or could, and the share of time in which some waited for a processor or for memory."""
    running = next((line.split()[1] for line in _read("/proc/stat").splitlines() if "procs_running" in line), "?")
    return f"runnable {running}, {', '.join(_pressures())}"


def _pressures() -> Iterator[str]:
    for kind in ("cpu", "memory", "io"):
        some = _read(f"/proc/pressure/{kind}").split()
        yield f"{kind} {some[1].removeprefix('avg10=') if len(some) > 1 else '?'} %"


def _read(path: str | Path) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""

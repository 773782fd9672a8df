"""Faults: processes killed, stopped and told to leave, and a configuration that changes."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter

from .ledger import Ledger
from .stage import Stage

KINDS = {
    "worker_killed": 8, "worker_told_to_leave": 2, "worker_stopped": 1, "gateway_killed": 2, "supervisor_stopped": 2,
    "supervisor_reloaded": 2,
}  # fmt: skip
ENGINES = ("stt/moonshine", "tts/hibari")


class Faults(threading.Thread):
    """Breaks things until the storm is over, then repairs what it can; the supervisor itself lives.

    `pause` is the seconds between two faults, on average; `count` has how many of each kind there were.
    """

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str, pause: float) -> None:
        super().__init__(name=f"{seed}-faults", daemon=True)
        self.stage, self.ledger, self.over, self.pause = stage, ledger, over, pause
        self.dice = random.Random(f"{seed}-faults")
        self.count: Counter[str] = Counter()
        self._stopped: dict[int, float] = {}  # workers, and when each goes on

    def run(self) -> None:
        while not self.over.wait(self.dice.expovariate(1 / self.pause)):
            (kind,) = self.dice.choices(list(KINDS), list(KINDS.values()))
            try:
                self.count[kind] += getattr(self, kind)()
                self._go_on(time.monotonic())
            except Exception as error:
                self.ledger.complain(f"the storm itself failed at {kind}: {type(error).__name__}: {error}")
        self._go_on(float("inf"))

    def worker_killed(self) -> bool:
        return self._signal_worker(signal.SIGKILL) is not None

    def worker_told_to_leave(self) -> bool:
        """Ends a worker by SIGTERM, behind its supervisor's back."""
        return self._signal_worker(signal.SIGTERM) is not None

    def worker_stopped(self) -> bool:
        """Stops a worker, which looks like a hang from outside; half of them go on after a while."""
        pid = self._signal_worker(signal.SIGSTOP)
        if pid is not None:
            self._stopped[pid] = time.monotonic() + self.dice.choice((3 * self.dice.random(), float("inf")))
        return pid is not None

    def supervisor_stopped(self) -> bool:
        pid = self.stage.supervisor()
        if pid is None or not self.stage.signal(pid, signal.SIGSTOP):
            return False
        time.sleep(self.dice.random())
        return self.stage.signal(pid, signal.SIGCONT)

    def supervisor_reloaded(self) -> bool:
        """Changes the configuration of an engine while clients use it."""
        number = self.dice.randint(8, 12)
        self.stage.configure(f'[worker."{self.dice.choice(ENGINES)}"]\nenvironment = {{ N = "{number}" }}\n')
        pid = self.stage.supervisor()
        return pid is not None and self.stage.signal(pid, signal.SIGHUP)

    def gateway_killed(self) -> bool:
        """Kills the process that serves HTTP and Wyoming, with its connections."""
        pid = self.stage.gateway()
        return pid is not None and self.stage.signal(pid, signal.SIGKILL)

    def _signal_worker(self, number: int) -> int | None:
        """Sends a signal to a worker, if there is one; returns its pid."""
        workers = self.stage.workers()
        pid = self.dice.choice(workers) if workers else None
        return pid if pid is not None and self.stage.signal(pid, number) else None

    def _go_on(self, now: float) -> None:
        """Lets stopped workers go on whose time has come."""
        for pid in [pid for pid, due in self._stopped.items() if due <= now]:
            del self._stopped[pid]
            self.stage.signal(pid, signal.SIGCONT)

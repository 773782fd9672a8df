"""Faults: processes killed and stopped, disks used up, and rude neighbours."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control

from .ledger import Ledger
from .neighbours import Neighbours
from .stage import MODELS, Stage, wait_until

PAUSE_S = 0.18  # between two faults
DEATH_S = 1.0  # for a dead supervisor's workers,
START_S = 10.0  # and for those it had only just started, on a busy machine

MORTAL = {"supervisor_killed": 5, "supervisor_told_to_leave": 2, "supervisor_restarted": 2}
ALWAYS = {
    "worker_killed": 25, "worker_stopped": 5, "worker_told_to_leave": 3,
    "supervisor_stopped": 2, "supervisor_reloaded": 2, "outputs_full": 3, "logs_full": 3,
    "garbage_bytes": 10, "garbage_frames": 10, "flood": 3, "no_reader": 2, "no_hello": 5,
}  # fmt: skip


class Faults(threading.Thread):
    """Breaks things until the storm is over, then repairs what it can.

    Args:
        mortal: whether the supervisor itself may be ended.
        kinds: with their weights; None: all.
        pause: seconds between two faults, on average.

    Attributes:
        count: how many of each kind there were.
        orphans: processes that outlived their supervisor by more than a second, or than their own start.
    """

    def __init__(
        self,
        stage: Stage,
        ledger: Ledger,
        over: threading.Event,
        seed: str,
        *,
        mortal: bool,
        kinds: Mapping[str, int] | None = None,
        pause: float = PAUSE_S,
    ) -> None:
        super().__init__(name=f"{seed}-faults", daemon=True)
        self.stage, self.ledger, self.over = stage, ledger, over
        self.dice = random.Random(f"{seed}-faults")
        self.kinds = dict(kinds or ALWAYS) | (MORTAL if mortal else {})
        self.pause = pause
        self.count: Counter[str] = Counter()
        self.orphans = 0
        self._neighbours = Neighbours(stage, ledger, over, self.dice)
        self._stopped: set[int] = set()

    def run(self) -> None:
        while not self.over.wait(self.dice.expovariate(1 / self.pause)):
            (kind,) = self.dice.choices(list(self.kinds), list(self.kinds.values()))
            try:
                act = getattr(self, kind, None) or getattr(self._neighbours, kind)
                if act():
                    self.count[kind] += 1
            except Exception as error:
                self.ledger.complain(f"the storm itself failed at {kind}: {type(error).__name__}: {error}")
        for pid in self._stopped:
            self.stage.signal(pid, signal.SIGCONT)
        self._neighbours.join()

    # --- processes ---------------------------------------------------------------------------------------------------

    def worker_killed(self) -> bool:
        return self._signal_worker(signal.SIGKILL)

    def worker_told_to_leave(self) -> bool:
        """Ends a worker by SIGTERM, behind its supervisor's back."""
        return self._signal_worker(signal.SIGTERM)

    def worker_stopped(self) -> bool:
        """Stops a worker, which looks like a hang from outside; half of them go on after a while."""
        pid = self._worker("stopped")
        if pid is None or not self.stage.signal(pid, signal.SIGSTOP):
            return False
        self._stopped.add(pid)
        if self.dice.random() < 0.5:
            self._neighbours.later(self.dice.random() * 3, lambda: self.stage.signal(pid, signal.SIGCONT))
        return True

    def supervisor_killed(self) -> bool:
        pid = self._supervisor("killed")
        workers = self.stage.workers()
        if pid is None or not self.stage.signal(pid, signal.SIGKILL):
            return False
        self._count_orphans(workers)
        return True

    def supervisor_told_to_leave(self) -> bool:
        pid = self._supervisor("told to leave")
        return pid is not None and self.stage.signal(pid, signal.SIGTERM)

    def supervisor_restarted(self) -> bool:
        """Has the supervisor make way for the next one, which clients start."""
        try:
            with Client(start=False) as client:
                connection = client.link.connect()  # which may take a starved supervisor longer than all that follows
                self._fault("restarted", "supervisor")
                connection.start(Control(id=new_id(), action="restart")).result()
        except HushdError:
            return False  # there is none, or not for long
        return True

    def supervisor_reloaded(self) -> bool:
        """Changes the configuration of a good worker while clients use it."""
        worker, keep_alive = f"stt/echo/{self.dice.choice(MODELS)}", self.dice.randint(5, 15)
        self._fault("configured anew", worker)
        self.stage.configure(
            f'[worker."{worker}"]\nkeep_alive = {keep_alive}\nenvironment = {{ N = "{keep_alive}" }}\n'
        )
        pid = self.stage.supervisor()
        return pid is not None and self.stage.signal(pid, signal.SIGHUP)

    def supervisor_stopped(self) -> bool:
        pid = self._supervisor("stopped")
        if pid is None or not self.stage.signal(pid, signal.SIGSTOP):
            return False
        time.sleep(self.dice.random())
        self.stage.signal(pid, signal.SIGCONT)
        return True

    def gateway_killed(self) -> bool:
        """Kills the process that serves HTTP and Wyoming, with its connections."""
        pid = self.stage.gateway()
        return pid is not None and self.stage.signal(pid, signal.SIGKILL)

    def _count_orphans(self, workers: list[int]) -> None:
        """Waits for workers that had no lifeline yet: they look for their supervisor once their Python has started."""
        young = {pid for pid in workers if self.stage.age(pid) < START_S}
        self._await_deaths(set(workers) - young, DEATH_S)
        self._await_deaths(young, START_S)

    def _await_deaths(self, workers: set[int], seconds: float) -> None:
        def left() -> list[int]:
            return [pid for pid in workers if self.stage.is_ours(pid)]

        if not wait_until(lambda: not left(), seconds):
            orphans = [self.stage.describe(pid) for pid in left()]
            self.orphans += len(orphans)
            for orphan in orphans:
                self.ledger.complain(f"a worker outlived its supervisor by {seconds} s: {orphan}")

    def _worker(self, kind: str) -> int | None:
        """Chooses a worker, and has the history say that something is about to happen to it."""
        workers = self.stage.workers()
        if not workers:
            return None
        pid = self.dice.choice(workers)
        for name in self.stage.worker(pid):
            self._fault(kind, name)
        return pid

    def _supervisor(self, kind: str) -> int | None:
        self._fault(kind, "supervisor")
        return self.stage.supervisor()

    def _fault(self, kind: str, target: str) -> None:
        self.ledger.witness.harness.saw("fault", kind=kind, target=target)

    def _signal_worker(self, number: int) -> bool:
        pid = self._worker(signal.Signals(number).name)
        return pid is not None and self.stage.signal(pid, number)

    # --- disks -------------------------------------------------------------------------------------------------------

    def outputs_full(self) -> bool:
        return self._fill(self.stage.output)

    def logs_full(self) -> bool:
        return self._fill(self.stage.state)

    def _fill(self, folder: Path) -> bool:
        if not self.stage.small_disks:
            return False
        filler = folder / "filler.tmp"
        if filler.exists():
            return False
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)):
                    pass
            except OSError:
                pass  # full
        self._neighbours.later(self.dice.random() * 2, lambda: filler.unlink(missing_ok=True))
        return True

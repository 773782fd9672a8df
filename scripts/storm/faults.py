"""Faults: processes killed and stopped, memory and disks used up, garbage, clients that do not read."""

from __future__ import annotations

import random
import resource
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack
from hushd_protocol.messages import Cancel, Chunk, Credit, Request, Result

from .ledger import Ledger
from .rude import GARBAGE, Rude
from .stage import MODELS, Stage, wait_until
from .zmtp import endless

PAUSE_S = 0.18  # between two faults, on average
DEATH_S = 1.0  # for a dead supervisor's workers,
START_S = 10.0  # and for those it had only just started, on a busy machine

MORTAL = {"supervisor_killed": 5, "supervisor_told_to_leave": 2, "supervisor_restarted": 2}
ALWAYS = {
    "worker_killed": 25, "worker_stopped": 5, "worker_out_of_memory": 6, "worker_told_to_leave": 3,
    "supervisor_stopped": 2, "supervisor_reloaded": 2, "outputs_full": 3, "logs_full": 3,
    "garbage_bytes": 10, "garbage_frames": 10, "flood": 3, "no_credit": 2, "no_reader": 2,
    "no_hello": 5, "endless": 2, "never_reader": 2,
}  # fmt: skip


class Faults(threading.Thread):
    """Breaks things until the storm is over, then repairs what it can.

    Args:
        mortal: whether the supervisor itself may be ended.

    Attributes:
        count: how many of each kind there were.
        orphans: processes that outlived their supervisor by more than a second, or than their own start.
    """

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, seed: str, *, mortal: bool) -> None:
        super().__init__(name=f"{seed}-faults", daemon=True)
        self.stage, self.ledger, self.over = stage, ledger, over
        self.dice = random.Random(f"{seed}-faults")
        self.kinds = ALWAYS | (MORTAL if mortal else {})
        self.count: Counter[str] = Counter()
        self.orphans = 0
        self._helpers: list[threading.Thread] = []
        self._stopped: set[int] = set()

    def run(self) -> None:
        while not self.over.wait(self.dice.expovariate(1 / PAUSE_S)):
            (kind,) = self.dice.choices(list(self.kinds), list(self.kinds.values()))
            try:
                if getattr(self, kind)():
                    self.count[kind] += 1
            except Exception as error:
                self.ledger.complain(f"the storm itself failed at {kind}: {type(error).__name__}: {error}")
        for pid in self._stopped:
            self.stage.signal(pid, signal.SIGCONT)
        for helper in self._helpers:
            helper.join(60)

    # --- processes ---------------------------------------------------------------------------------------------------

    def worker_killed(self) -> bool:
        return self._signal_worker(signal.SIGKILL)

    def worker_told_to_leave(self) -> bool:
        """Ends a worker by SIGTERM, behind its supervisor's back."""
        return self._signal_worker(signal.SIGTERM)

    def worker_stopped(self) -> bool:
        """Stops a worker, which looks like a hang from outside; half of them go on after a while."""
        pid = self._worker()
        if pid is None or not self.stage.signal(pid, signal.SIGSTOP):
            return False
        self._stopped.add(pid)
        if self.dice.random() < 0.5:
            self._later(self.dice.random() * 3, lambda: self.stage.signal(pid, signal.SIGCONT))
        return True

    def worker_out_of_memory(self) -> bool:
        """Limits a worker's address space to little more than it has: the next large allocation fails."""
        pid = self._worker()
        if pid is None:
            return False
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + self.dice.choice((0, 10**6, 10**7))
            resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        except OSError:
            return False
        return True

    def supervisor_killed(self) -> bool:
        pid = self.stage.supervisor()
        workers = self.stage.workers()
        if pid is None or not self.stage.signal(pid, signal.SIGKILL):
            return False
        self._count_orphans(workers)
        return True

    def supervisor_told_to_leave(self) -> bool:
        pid = self.stage.supervisor()
        return pid is not None and self.stage.signal(pid, signal.SIGTERM)

    def supervisor_restarted(self) -> bool:
        """Has the supervisor make way for the next one, which clients start."""
        try:
            with Client(start=False) as client:
                client.restart(timeout=0)
        except HushdError:
            return False  # there is none, or not for long
        return True

    def supervisor_reloaded(self) -> bool:
        """Changes the configuration of a good worker while clients use it."""
        worker, keep_alive = f"stt/echo/{self.dice.choice(MODELS)}", self.dice.randint(5, 15)
        self.stage.configure(
            f'[worker."{worker}"]\nkeep_alive = {keep_alive}\nenvironment = {{ N = "{keep_alive}" }}\n'
        )
        pid = self.stage.supervisor()
        return pid is not None and self.stage.signal(pid, signal.SIGHUP)

    def supervisor_stopped(self) -> bool:
        pid = self.stage.supervisor()
        if pid is None or not self.stage.signal(pid, signal.SIGSTOP):
            return False
        time.sleep(self.dice.random())
        self.stage.signal(pid, signal.SIGCONT)
        return True

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

    def _worker(self) -> int | None:
        workers = self.stage.workers()
        return self.dice.choice(workers) if workers else None

    def _signal_worker(self, number: int) -> bool:
        pid = self._worker()
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
        self._later(self.dice.random() * 2, lambda: filler.unlink(missing_ok=True))
        return True

    # --- rude clients ------------------------------------------------------------------------------------------------

    def garbage_bytes(self) -> bool:
        """Sends bytes that are not ZeroMQ's to either socket."""
        try:
            with socket.socket(socket.AF_UNIX) as raw:
                raw.settimeout(0.2)
                raw.connect(str(self.stage.run / self.dice.choice(("client.sock", "worker.sock"))))
                raw.sendall(self.dice.randbytes(self.dice.randint(1, 8192)))
        except OSError:
            return False
        return True

    def garbage_frames(self) -> bool:
        """Sends ZeroMQ messages that are not hushd/1, with and without a proper hello before them."""
        with Rude(self.stage, self.dice.choice(("client.sock", "worker.sock"))) as rude:
            if self.dice.random() < 0.5:
                rude.hello()
            for _ in range(self.dice.randint(1, 50)):
                rude.raw(self.dice.choice(GARBAGE))
            for message in (
                Chunk(id=bytes(16), seq=5), Credit(id=bytes(16), chunks=2**31), Cancel(id=b"?"), Result(id=b"short"),
                Request(id=b"short", worker="", op=""), Request(id=new_id(), worker="stt/echo/../a", op="echo"),
            ):  # fmt: skip
                rude.raw(pack(message))
            rude.raw([self.dice.randbytes(self.dice.randint(0, 300)) for _ in range(self.dice.randint(1, 6))])
            rude.socket.poll(50)
        return True

    def flood(self) -> bool:
        """Sends thousands of messages at full speed, and reads no answers."""
        with Rude(self.stage) as rude:
            rude.hello()
            for number in range(3000):
                rude.raw(GARBAGE[number % len(GARBAGE)])
        return True

    def endless(self) -> bool:
        """Sends a message without an end, of large frames or of empty ones, for a moment or until it is ended."""
        frame = self.dice.choice((b"", bytes(65536)))
        until = time.monotonic() + self.dice.random()
        self._run(lambda: self._send_without_end(frame, until))
        return True

    def _send_without_end(self, frame: bytes, until: float) -> None:
        try:
            endless(self.stage.run / "client.sock", frame, until)
        except OSError:
            pass  # no supervisor, or not for long

    def never_reader(self) -> bool:
        """Asks for 15 MB at a time and reads none of it, for a while: it may be ended, and nobody else."""
        params = {"count": 250, "bytes": 60_000}
        much = Request(id=b"", worker="stt/echo/unread", op="stream", params=params, credit=256)
        requests = [replace(much, id=new_id()) for _ in range(self.dice.randint(1, 4))]
        self._run(lambda: self._read_nothing(requests, self.dice.random() * 3))
        return True

    def _read_nothing(self, requests: list[Request], seconds: float) -> None:
        with Rude(self.stage) as rude:
            rude.socket.set(zmq.RCVHWM, 1)
            rude.hello()
            for request in requests:
                rude.raw(pack(request))
            self.over.wait(seconds)

    def no_credit(self) -> bool:
        """Asks for chunks without credit: the request ends after 15 s, or with its worker or supervisor."""
        request = Request(id=new_id(), worker="stt/echo/unread", op="stream", params={"count": 9, "bytes": 9}, credit=1)
        self._run(lambda: self._starve(request))
        return True

    def _starve(self, request: Request) -> None:
        with self.ledger.request("no_credit", "slow_consumer", "shutting_down"), Rude(self.stage) as rude:
            rude.hello()
            rude.raw(pack(request))
            raise rude.ends({request.id}, 40)[request.id] or AssertionError("a result without credit")

    def no_reader(self) -> bool:
        """Asks for thousands of messages and reads none for a while; each request ends all the same."""
        self._run(lambda: self._overwhelm([new_id() for _ in range(20)]))
        return True

    def _overwhelm(self, ids: list[bytes]) -> None:
        began = time.monotonic()
        with Rude(self.stage) as rude:
            rude.socket.set(zmq.RCVHWM, 1)
            rude.hello()
            for one in ids:
                rude.raw(pack(Request(id=one, worker="stt/echo/unread", op="partials", params={"count": 900})))
            self.over.wait(2)
            ends = rude.ends(set(ids), 40)
        for one in ids:
            with self.ledger.request("no_reader", "slow_consumer", "cancelled", began=began):
                if end := ends[one]:
                    raise end

    def no_hello(self) -> bool:
        """Holds up to 50 connections to either socket for a while, and says nothing on them."""
        path = str(self.stage.run / self.dice.choice(("client.sock", "worker.sock")))
        held = [socket.socket(socket.AF_UNIX) for _ in range(self.dice.randint(1, 50))]
        self._later(self.dice.random() * 2, lambda: [one.close() for one in held])
        try:
            for one in held:
                one.settimeout(0.2)
                one.connect(path)
        except OSError:
            return False
        return True

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        def wait() -> None:
            self.over.wait(seconds)
            act()

        self._run(wait)

    def _run(self, act: Callable[[], object]) -> None:
        self._helpers = [helper for helper in self._helpers if helper.is_alive()]
        helper = threading.Thread(target=act, daemon=True)
        helper.start()
        self._helpers.append(helper)

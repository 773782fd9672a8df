"""Rude neighbours: other programs of the user, each of which may cost itself its answers, and nobody else."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable

import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol.codec import pack
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Cancel, Chunk, Credit, Request, Result

from .ledger import END_S, Ledger
from .rude import GARBAGE, Rude
from .stage import Stage


class Neighbours:
    """Programs that misbehave until the storm is over; each method is a fault, and returns whether it took place."""

    def __init__(self, stage: Stage, ledger: Ledger, over: threading.Event, dice: random.Random) -> None:
        self.stage, self.ledger, self.over, self.dice = stage, ledger, over, dice
        self._helpers: list[threading.Thread] = []
        # More at once would wait for each other, on a machine that others use for longer than a request may take.
        self._overwhelming = threading.Semaphore(1)

    def join(self) -> None:
        """Waits for those that are still at it."""
        for helper in self._helpers:
            helper.join(END_S)

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

    def no_reader(self) -> bool:
        """Asks for thousands of messages and reads none for a while; each request ends all the same."""
        return self._run_within(self._overwhelming, lambda: self._overwhelm([new_id() for _ in range(20)]))

    def _overwhelm(self, ids: list[bytes]) -> None:
        began = time.monotonic()
        with Rude(self.stage) as rude:
            rude.socket.set(zmq.RCVHWM, 1)
            rude.hello()
            for one in ids:
                rude.raw(pack(Request(id=one, worker="stt/echo/unread", op="partials", params={"count": 900})))
            self.over.wait(2)
            ends = rude.ends(set(ids), END_S)
            while set(ids) - set(ends) and self._waits():  # its worker is killed again and again, and started anew
                ends |= rude.ends(set(ids) - set(ends), END_S)
        for one in ids:
            with self.ledger.request("no_reader", "slow_consumer", "cancelled", began=began):
                assert one in ends, f"no end within {END_S} s; {self._unread()}"
                if end := ends[one]:
                    raise end

    def _waits(self) -> bool:
        """Returns whether requests to the worker that rude neighbours use are still under way."""
        try:
            with Client(start=False) as client:
                return any(row.queued + row.running for row in client.status().workers if "unread" in row.name)
        except HushdError:
            return not self.over.is_set()  # asked again, as long as anybody else is

    def _unread(self) -> str:
        """The state of the worker that rude neighbours use."""
        try:
            with Client(start=False) as client:
                return str([row for row in client.status().workers if "unread" in row.name])
        except HushdError as error:
            return str(error)

    def no_hello(self) -> bool:
        """Holds up to 50 connections to either socket for a while, and says nothing on them."""
        path = str(self.stage.run / self.dice.choice(("client.sock", "worker.sock")))
        held = [socket.socket(socket.AF_UNIX) for _ in range(self.dice.randint(1, 50))]
        self.later(self.dice.random() * 2, lambda: [one.close() for one in held])
        try:
            for one in held:
                one.settimeout(0.2)
                one.connect(path)
        except OSError:
            return False
        return True

    # --- helpers -----------------------------------------------------------------------------------------------------

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        def wait() -> None:
            self.over.wait(seconds)
            act()

        self._run(wait)

    def _run_within(self, room: threading.Semaphore, act: Callable[[], object]) -> bool:
        """Runs `act` where there is room for it; returns whether there was."""
        if not room.acquire(blocking=False):
            return False

        def run() -> None:
            try:
                act()
            finally:
                room.release()

        self._run(run)
        return True

    def _run(self, act: Callable[[], object]) -> None:
        self._helpers = [helper for helper in self._helpers if helper.is_alive()]
        helper = threading.Thread(target=act, daemon=True)
        helper.start()
        self._helpers.append(helper)

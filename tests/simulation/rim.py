"""Plays the clients' socket over a simulated ZeroMQ: `python -m simulation.rim FIRST LAST` plays those seeds.

Programs connect, ask, read nothing, choose their names, speak garbage, die and are cut off, as a seed draws it. No
client may have two routes, no route two clients, and no message be left out, heard twice or out of order. Who babbles
is answered; at the end every client that was heard of must be gone, and nothing be left of anybody.
"""

from __future__ import annotations

import random
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from simulation.wire.alone import Alone
from simulation.wire.network import Network

STEPS = 120
TICK_S = 50e-6  # that a look at the clock takes: some wait by looking
CROWD = 12
SOON = 30  # turns of 10 ms in which what must happen has happened
GREETING = b"\xff" + bytes(8) + b"\x7f\3\0NULL" + bytes(48)
READY = b"\4\x1c\5READY\x0bSocket-Type\0\0\0\6DEALER"


class Clock(Alone):
    """A kernel whose clock moves when it is looked at."""

    def now(self) -> float:
        self._now += TICK_S
        return self._now


KERNEL = Clock()
NETWORK = Network(KERNEL)
sys.modules.update(NETWORK.modules())
time.monotonic = KERNEL.now
time.sleep = KERNEL.settle

import zmq  # noqa: E402
from hushd_protocol.codec import pack  # noqa: E402
from hushd_protocol.messages import Cancel, Partial, Ping  # noqa: E402
from hushd_supervisor.core.events import ClientGone  # noqa: E402
from hushd_supervisor.system.sockets.client_socket import MAX_FRAMES, ClientSocket  # noqa: E402
from hushd_supervisor.system.sockets.lock import ListeningSocket  # noqa: E402

LARGE = Partial(id=bytes(16), seq=0, data={"text": "x" * 4000})


class Program:
    """A client's process; it counts its messages."""

    def __init__(self, place: str, pid: int, options: dict[int, Any]) -> None:
        self.pid = KERNEL.pid = pid
        self.sent = 0
        self.socket = zmq.Context().socket(zmq.DEALER)
        for option, value in ({zmq.LINGER: 0, zmq.RECONNECT_IVL: 10**8} | options).items():
            self.socket.setsockopt(option, value)
        self.socket.connect(place)

    def send(self) -> None:
        KERNEL.pid = self.pid
        try:
            self.socket.send_multipart(pack(Cancel(id=self.pid.to_bytes(8) + self.sent.to_bytes(8))), zmq.NOBLOCK)
        except zmq.Again:
            return
        self.sent += 1

    def read(self) -> None:
        KERNEL.pid = self.pid
        try:
            while self.socket.recv_multipart(zmq.NOBLOCK):
                pass
        except zmq.Again:
            return


class Rim:
    """A supervisor's socket of clients, without a supervisor, and its programs."""

    def __init__(self, seed: int) -> None:
        KERNEL.random.seed(seed)
        NETWORK._libc.srand(seed)
        self.chance = random.Random(seed)
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "client.sock"
        KERNEL.pid = 1
        self.context = zmq.Context()
        self.poller = zmq.Poller()
        self.clients = ClientSocket(self.context, ListeningSocket(self.path), KERNEL.now)
        self.clients.register(self.poller)
        self.programs: list[Program] = []
        self.bare: list[socket.socket] = []  # connections without a ZeroMQ
        self.count = 10
        self.clients_by_route: dict[bytes, int] = {}
        self.routes_by_client: dict[int, bytes] = {}
        self.heard: dict[int, int] = {}
        self.present: set[bytes] = set()
        self.slow: set[bytes] = set()

    # --- the supervisor ----------------------------------------------------------------------------------------------

    def turn(self, milliseconds: int) -> None:
        KERNEL.pid = 1
        ready = dict(self.poller.poll(milliseconds))
        for event in self.clients.events(ready, KERNEL.now()):
            self.see(event)

    def see(self, event: Any) -> None:
        if isinstance(event, ClientGone):
            self.present.discard(event.route)
            if event.slow:
                self.slow.add(event.route)
            return
        pid, number = int.from_bytes(event.message.id[:8]), int.from_bytes(event.message.id[8:])
        assert self.clients_by_route.setdefault(event.route, pid) == pid, "a route of two clients"
        assert self.routes_by_client.setdefault(pid, event.route) == event.route, "two routes of a client"
        expected = self.heard.get(pid, 0)
        passed_over = event.route in self.slow and number > expected  # it was told that it reads too slowly
        assert number == expected or passed_over, "a message was left out, or came twice"
        self.heard[pid] = number + 1
        self.present.add(event.route)

    def answer(self) -> None:
        """Sends to somebody who was heard of, often more than they read."""
        if self.present:
            route = self.chance.choice(sorted(self.present))
            KERNEL.pid = 1
            message = self.chance.choice((Ping(), LARGE))
            for _ in range(self.chance.choice((1, 1, 3, 30, 1200))):
                if gone := self.clients.send(route, message):
                    self.see(gone)
                    break

    # --- the programs ------------------------------------------------------------------------------------------------

    def join(self) -> None:
        if len(self.programs) >= CROWD:
            return
        self.count += 1
        high = self.chance.choice((None, None, None, 1, 2))
        options: dict[int, Any] = {zmq.RCVHWM: high, zmq.SNDHWM: high} if high else {}
        if self.chance.random() < 0.2:
            options[zmq.ROUTING_ID] = b"program %d" % self.count
        program = Program(f"ipc://{self.path}", self.count, options)
        self.programs.append(program)
        if self.chance.random() < 0.8:
            program.send()

    def ask(self) -> None:
        if self.programs:
            program = self.chance.choice(self.programs)
            for _ in range(self.chance.choice((1, 1, 2, 5, 40))):
                program.send()

    def read(self) -> None:
        if self.programs:
            self.chance.choice(self.programs).read()

    def part(self) -> None:
        if self.programs:
            program = self.programs.pop(self.chance.randrange(len(self.programs)))
            KERNEL.pid = program.pid
            if self.chance.random() < 0.5:
                NETWORK.died(program.pid)
            else:
                program.socket.close(self.chance.choice((0, 1000)))

    def babble(self) -> None:
        """Has a new program send as many frames as are answered, which are not a message."""
        self.count += 1
        program = Program(f"ipc://{self.path}", self.count, {})
        program.socket.send_multipart([b"x"] * MAX_FRAMES)
        answered = False
        for _ in range(SOON):
            self.turn(10)
            KERNEL.pid = program.pid
            answered = answered or bool(program.socket.poll(0))
        assert answered, "who babbles gets no answer"
        NETWORK.died(program.pid)

    def join_bare(self) -> None:
        bare = socket.socket(socket.AF_UNIX)
        bare.setblocking(False)
        try:
            bare.connect(str(self.path))
        except OSError:
            bare.close()
            return
        self.bare.append(bare)

    def crowd(self) -> None:
        for _ in range(CROWD):
            self.join_bare()

    def speak(self) -> None:
        if self.bare:
            said = (GREETING, READY, GREETING + READY, b"\0\1x", b"\1\0\2\0x", self.chance.randbytes(20))
            try:
                self.chance.choice(self.bare).send(self.chance.choice(said))
            except OSError:
                pass

    def part_bare(self) -> None:
        if self.bare:
            self.bare.pop(self.chance.randrange(len(self.bare))).close()

    # --- all of it ---------------------------------------------------------------------------------------------------

    def play(self) -> None:
        acts = {
            self.join: 4,
            self.ask: 6,
            self.read: 3,
            self.part: 3,
            self.answer: 3,
            self.join_bare: 1,
            self.speak: 2,
            self.part_bare: 1,
            self.babble: 0.2,
            self.crowd: 0.2,
        }
        for act in self.chance.choices(list(acts), list(acts.values()), k=STEPS):
            act()
            for _ in range(self.chance.choice((0, 0, 1, 2))):
                self.turn(self.chance.choice((0, 1, 10)))
        self.end()

    def end(self) -> None:
        """Has everybody leave, and looks whether anything is left of them."""
        for program in self.programs:
            NETWORK.died(program.pid)
        for bare in self.bare:
            bare.close()
        self.bare.clear()
        for _ in range(30):
            self.turn(100)
        clients = self.clients
        assert not KERNEL.aborted, KERNEL.aborted
        assert not self.present, "clients that have never gone"
        left = (clients._connected, clients._routes, clients._descriptors, clients._dropped, clients._late)
        assert not any(left), left
        KERNEL.pid = 1
        clients.shut(0)
        self.context.term()

    def close(self) -> None:
        for pid in list(NETWORK.contexts):
            NETWORK.died(pid)
        shutil.rmtree(self.folder)


def main(first: int, last: int) -> None:
    """Plays seeds; an exception names the one that fails."""
    for seed in range(first, last):
        rim = Rim(seed)
        try:
            rim.play()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            rim.close()
    print(f"{last - first} seeds")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

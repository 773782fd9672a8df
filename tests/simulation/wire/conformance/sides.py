"""The two sides that play a script: processes with the real libzmq, and processes of the simulated one."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import zmq
from simulation.wire.alone import Alone
from simulation.wire.conformance.party import Party
from simulation.wire.network import Network

BOUND_S = 60.0  # for real processes to come to rest, at any load
_SETTLE_S = 0.005  # of simulated time, in which all comes to rest
_QUICK_S = 0.0002  # the most that a simulated thread waits for its turn


class Simulated:
    """Plays with the simulated ZeroMQ."""

    def __init__(self, folder: Path, seed: int, network: type[Network] = Network) -> None:
        self.folder = folder
        self._kernel = Alone(seed)
        self._network = network(self._kernel)
        self._network.pace = lambda pid: self._kernel.random.random() * _QUICK_S
        self._zmq = self._network.module()
        self._parties: dict[str, tuple[int, Party]] = {}
        self._pids = count(100)

    def call(self, name: str, method: str, *values: Any, **options: Any) -> Any:
        """Has a party do something; it is made when it is first named."""
        if name not in self._parties:
            self._parties[name] = next(self._pids), Party(self._zmq)
        pid, party = self._parties[name]
        self._kernel.pid = pid
        return getattr(party, method)(*values, **options)

    def settle(self) -> None:
        """Waits until nothing more happens."""
        self._kernel.settle(_SETTLE_S)

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._kernel.settle(seconds)

    def kill(self, name: str) -> None:
        """Kills a party."""
        pid, party = self._parties.pop(name)
        self._network.died(pid)
        for bare in party._bare:
            bare.close()

    @property
    def names(self) -> list[str]:
        """The living parties."""
        return list(self._parties)

    def close(self) -> None:
        self._network.close()
        for _, party in self._parties.values():
            for bare in party._bare:
                bare.close()
        assert not self._kernel.aborted, self._kernel.aborted


class Nursery:
    """A process that has imported libzmq, and forks a party for each connection."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "nursery")
        program = "from simulation.wire.conformance import sides; import sys; sides.serve(sys.argv[1])"
        self._process = subprocess.Popen([sys.executable, "-c", program, self._path], stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def fork(self) -> socket.socket:
        """Returns the connection to a new party."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._path)
        connection.settimeout(BOUND_S)
        return connection

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Real:
    """Plays with libzmq, in a process for each party."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.folder = folder
        self._nursery = nursery
        self._parties: dict[str, tuple[int, socket.socket]] = {}

    def call(self, name: str, method: str, *values: Any, **options: Any) -> Any:
        """Has a party do something; it is made when it is first named."""
        if name not in self._parties:
            connection = self._nursery.fork()
            self._parties[name] = _receive(connection), connection
        _, connection = self._parties[name]
        _send(connection, (method, values, options))
        outcome = _receive(connection)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def settle(self) -> None:
        """Waits until every thread of every party sleeps, and none has run meanwhile: then nothing is under way.

        Whoever makes something ready makes the thread that waits for it runnable at once.
        """
        end = time.monotonic() + BOUND_S
        before = None
        while True:
            threads = [thread for pid, _ in self._parties.values() for thread in _threads(pid)]
            if threads == before and all(state == "S" for _, state, *_ in threads):
                return
            before = threads
            assert time.monotonic() < end, threads
            os.sched_yield()

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        select.select([], [], [], seconds)
        self.settle()

    def kill(self, name: str) -> None:
        """Kills a party.

        Its end is waited for: its descriptors are closed from the highest number down, and the connection to it, whose
        number is not the lowest, before others.
        """
        pid, connection = self._parties.pop(name)
        ended = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([ended], [], [])
        os.close(ended)
        connection.close()

    @property
    def names(self) -> list[str]:
        """The living parties."""
        return list(self._parties)

    def close(self) -> None:
        for name in self.names:
            self.kill(name)


def _threads(pid: int) -> list[tuple[str, str, str, str]]:
    threads = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/status") as file:
                facts = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        except OSError:
            continue
        threads.append(
            (thread, facts["State"][0], facts["voluntary_ctxt_switches"], facts["nonvoluntary_ctxt_switches"])
        )
    return threads


def _send(connection: socket.socket, value: object) -> None:
    data = pickle.dumps(value)
    connection.sendall(struct.pack(">I", len(data)) + data)


def _receive(connection: socket.socket) -> Any:
    (size,) = struct.unpack(">I", _exactly(connection, 4))
    return pickle.loads(_exactly(connection, size))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve(path: str) -> None:
    """Forks a party for each connection at `path`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(100)
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        if os.fork():
            connection.close()
            continue
        listening.close()
        random.seed()
        _live(connection)


def _live(connection: socket.socket) -> None:
    party = Party(zmq)
    _send(connection, os.getpid())
    while True:
        try:
            method, values, options = _receive(connection)
        except (EOFError, OSError):
            os._exit(0)
        try:
            outcome = getattr(party, method)(*values, **options)
        except Exception as error:
            outcome = error
        _send(connection, outcome)

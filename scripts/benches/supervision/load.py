"""The cost of a crowd, a long life and a hung neighbour: the supervisor's memory, and other clients' time."""

from __future__ import annotations

import os
import resource
import signal
import statistics
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import paths

from ..stage import Row, mb, supervisor, wait_until_childless
from .relay import ECHO

CROWD = 1000
STARTS, AT_ONCE = 1000, 4
HANG_S = 20.0  # of asking, with and without a neighbour that hangs
FAKE = Path(__file__).parents[3] / "tests" / "support" / "fake_worker.py"


@contextmanager
def echo(more: str = "") -> Iterator[psutil.Process]:
    """A supervisor with the worker `stt/echo`, which answers at once."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        config = f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{script}"]\nkeep_alive = -1\n{more}'
        with supervisor(config) as process:
            yield process


def clients(_: Namespace) -> Iterator[Row]:
    """1,000 clients, all with a request at once: who is served, and the supervisor's size with and after them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with echo() as process:
        with Client() as client:
            client.preload("stt/echo/1")
        time.sleep(1)
        before = mb(process)[0]
        context = zmq.Context()
        context.set(zmq.MAX_SOCKETS, 2 * CROWD)
        crowd = _Crowd(context)
        crowd.greet()
        connected = mb(process)[0]
        outcome, seconds = crowd.ask()
        served = mb(process)[0]
        crowd.close()
        context.term()
        time.sleep(2)
        after = mb(process)[0]
    errors = Counter({code: n for code, n in outcome.items() if code not in ("result", "overloaded")})
    yield Row("clients: served at last", outcome["result"], "", f"{CROWD}", ok=outcome["result"] == CROWD)
    yield Row("clients: errors but overloaded", errors.total(), "", "0", ok=not errors, note=str(dict(errors) or ""))
    yield Row("clients: asked again, overloaded", outcome["overloaded"], "")
    yield Row("clients: until the last was served", seconds, "s")
    yield Row("clients: supervisor before, RSS", before, "MB")
    yield Row(f"clients: with {CROWD} connected", connected, "MB", "< 65", ok=connected < 65)
    yield Row("clients: when all were served", served, "MB", "< 65", ok=served < 65)
    yield Row("clients: after they have left", after, "MB", "< 65", ok=after < 65)


class _Crowd:
    """A thousand connections, all of this thread."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.decoder = Decoder(m.TO_CLIENT)
        self.poller = zmq.Poller()
        self.sockets = []
        for _ in range(CROWD):
            socket = context.socket(zmq.DEALER)
            socket.connect(f"ipc://{paths.find().client_socket}")
            self.sockets.append(socket)
            self.poller.register(socket, zmq.POLLIN)

    def greet(self) -> None:
        for socket in self.sockets:
            socket.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="bench")))
        waiting = set(self.sockets)
        while waiting:
            for socket, message in self._messages():
                assert isinstance(message, m.Welcome), message
                waiting.discard(socket)

    def ask(self) -> tuple[Counter[str], float]:
        """All clients ask at once, and again after `overloaded`. Returns how the requests ended, and the time taken."""
        began = time.perf_counter()
        outcome: Counter[str] = Counter()
        again: list[tuple[float, zmq.Socket[bytes]]] = []
        for socket in self.sockets:
            self._request(socket)
        while outcome.total() - outcome["overloaded"] < CROWD:
            for socket, message in self._messages():
                if isinstance(message, m.Result):
                    outcome["result"] += 1
                elif isinstance(message, m.Error):
                    outcome[message.code] += 1
                    if message.code == "overloaded":
                        again.append((time.perf_counter() + (message.retry_after_ms or 0) / 1000, socket))
            now = time.perf_counter()
            for _, socket in [entry for entry in again if entry[0] <= now]:
                self._request(socket)
            again = [entry for entry in again if entry[0] > now]
        return outcome, time.perf_counter() - began

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(linger=0)

    def _request(self, socket: zmq.Socket[bytes]) -> None:
        socket.send_multipart(pack(m.Request(id=new_id(), worker="stt/echo/1", op="echo", params={}, credit=8)))

    def _messages(self) -> Iterator[tuple[zmq.Socket[bytes], m.Message]]:
        for socket, _ in self.poller.poll(50):
            message = unpack(socket.recv_multipart(), self.decoder)
            if isinstance(message, m.Ping):
                socket.send_multipart(pack(m.Pong()))
            else:
                yield socket, message


def starts(_: Namespace) -> Iterator[Row]:
    """1,000 starts and stops of a small worker: how much the supervisor has grown."""
    names = [f"stt/echo/{number}" for number in range(AT_ONCE)]
    with echo() as process, Client() as client:

        def rounds(count: int) -> float:
            for _ in range(count):
                client.preload(*names)
                client.unload()
            wait_until_childless(process)
            time.sleep(1)
            return process.memory_full_info().uss / 1e6

        before = rounds(5)
        began = time.perf_counter()
        grown = rounds(STARTS // AT_ONCE) - before
        seconds = time.perf_counter() - began
        counted = sum(row["starts"] for row in client.status()["workers"]) - 5 * AT_ONCE
    yield Row(f"starts: growth over {counted}, USS", grown, "MB", "< 1", ok=grown < 1)
    yield Row("starts: a second", counted / seconds, "", note=f"{AT_ONCE} at once")


def hang(_: Namespace) -> Iterator[Row]:
    """A worker that hangs, and one that is stopped: what their neighbour's requests wait for it."""
    hung = f'[worker."stt/hung"]\ncommand = ["{sys.executable}", "{FAKE}", "--hang"]\nstall_timeout = 1\n'
    with echo(hung) as _process, Client() as client:
        client.preload("stt/echo/1")
        _ask(client, 1.0)
        alone = _ask(client, HANG_S)
        over = threading.Event()
        ends: Counter[str] = Counter()
        others = [
            threading.Thread(target=_use, args=(name, over, ends))
            for name in ("stt/hung/a", "stt/hung/b", "stt/echo/2")
        ]
        for thread in others:
            thread.start()
        beside = _ask(client, HANG_S)
        over.set()
        client.unload("stt/hung", "stt/echo/2")
        for thread in others:
            thread.join()
    p50 = statistics.median(alone)
    yield Row("hang: p50 alone", p50, "ms")
    yield Row("hang: p50 beside them", statistics.median(beside), "ms", "", p50)
    yield Row("hang: longest alone", max(alone), "ms")
    late = max(beside) - p50
    yield Row(
        "hang: longest beside them, more",
        late,
        "ms",
        "<= 50",
        ok=late <= 50,
        note=f"{len(beside)} requests; theirs: {dict(ends)}",
    )


def _ask(client: Client, seconds: float) -> list[float]:
    """Milliseconds of requests to the good worker, one after the other."""
    times = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        one(client, "stt/echo/1")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    return times


def one(client: Client, worker: str) -> None:
    client._connect().start(m.Request(id=new_id(), worker=worker, op="echo", params={}, credit=8)).result()


def _use(worker: str, over: threading.Event, ends: Counter[str]) -> None:
    """Asks a worker that never answers, again and again; one that would is stopped before each request."""
    with Client() as client:
        while not over.is_set():
            try:
                if "echo" in worker:
                    client.preload(worker)
                    (pid,) = [row["pid"] for row in client.status()["workers"] if row["name"] == worker]
                    os.kill(pid, signal.SIGSTOP)
                one(client, worker)
            except Exception as error:
                ends[getattr(error, "code", type(error).__name__)] += 1

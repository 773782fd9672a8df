"""The cost of CURVE for another machine of the same owner: over TCP on this machine, against the local socket."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m
from hushd_protocol.endpoint import Endpoint, parse
from hushd_protocol.framing import pack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import paths
from hushd_protocol.system.keys import KeyFiles

from ..stage import Row, supervisor
from .relay import ECHO, in_turn

FLOOD_S = 6.0
STRANGERS = 8  # at a time, in one process


def curve(_: Namespace) -> Iterator[Row]:
    """Round trip and connection by CURVE, beside those by the local socket; and a local client beside wrong keys."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        worker = f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{script}"]\nkeep_alive = -1\n'
        with supervisor(f'[remote]\nlisten = "tcp+curve://127.0.0.1:0"\n{worker}'), Client() as here:
            here.preload("stt/echo/1")
            endpoint = _endpoint(here)
            with Client(endpoint=endpoint) as away:
                yield from _round_trips(here, away)
            yield from _connections(endpoint)
            yield from _wrong_keys(here, endpoint)


def _endpoint(here: Client) -> str:
    """The supervisor's address, for this machine as another one."""
    files, remote = KeyFiles(paths.find()), here.status().remote
    files.allow("bench", files.generate())
    host, _, port = remote.address.removeprefix("tcp+curve://").rpartition(":")
    return str(Endpoint(files.generate(), host, int(port)))


def _round_trips(here: Client, away: Client) -> Iterator[Row]:
    def ask(client: Client) -> None:
        request = m.Request(id=new_id(), worker="stt/echo/1", op="echo", params={"n": 1}, credit=8)
        client.link.connect().start(request).result()

    ours, locals = in_turn(lambda _: ask(away), lambda _: ask(here))
    added = statistics.median(ours) - statistics.median(locals)
    yield Row("curve: round trip, p50", statistics.median(ours), "us", "", statistics.median(locals), note="floor: ipc")
    yield Row("curve: round trip, p99", statistics.quantiles(ours, n=100)[98], "us", "",
              statistics.quantiles(locals, n=100)[98])  # fmt: skip
    yield Row("curve: added to a round trip, p50", added, "us", "<= 200", ok=added <= 200)


def _connections(endpoint: str) -> Iterator[Row]:
    def come(endpoint: str) -> float:
        began = time.perf_counter()
        with closing(Client(endpoint=endpoint)) as client:
            client.link.connect()
            return (time.perf_counter() - began) * 1000

    ours, locals = zip(*((come(endpoint), come("")) for _ in range(100)), strict=True)
    yield Row("curve: connection, p50", statistics.median(ours), "ms", "", statistics.median(locals), note="floor: ipc")


def _wrong_keys(here: Client, endpoint: str) -> Iterator[Row]:
    """A local client, without and with two processes beside it that come with one wrong key after the other."""
    times = []
    for flooders in (0, 2):
        command = [sys.executable, "-m", "benches.supervision.curve", endpoint]
        there = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))}
        running = [subprocess.Popen(command, env=there, stdout=subprocess.PIPE) for _ in range(flooders)]
        taken, end = [], time.monotonic() + FLOOD_S
        while time.monotonic() < end:
            began = time.perf_counter()
            here.link.connect().start(m.Request(id=new_id(), worker="stt/echo/1", op="echo", credit=8)).result()
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)
        refused = sum(int(one.communicate()[0]) for one in running)
        times.append(statistics.quantiles(taken, n=100)[98])
    note = f"{refused} wrong keys refused in {FLOOD_S:.0f} s; floor: without them"
    yield Row("curve: local client beside wrong keys, p99", times[1], "ms", "<= 50", times[0], times[1] <= 50, note)


def _flood(endpoint: Endpoint) -> int:
    """Comes with a new key again and again; returns how often it was refused."""
    context, refused = zmq.Context(), 0
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        strangers = []
        for _ in range(STRANGERS):
            dealer = context.socket(zmq.DEALER)
            public, secret = zmq.curve_keypair()
            dealer.set(zmq.CURVE_SERVERKEY, endpoint.key)
            dealer.set(zmq.CURVE_PUBLICKEY, public)
            dealer.set(zmq.CURVE_SECRETKEY, secret)
            dealer.set(zmq.RECONNECT_IVL, -1)
            monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED)
            dealer.connect(f"tcp://{endpoint.place}")
            with suppress(zmq.Again):  # it is refused already
                dealer.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="flood")), zmq.NOBLOCK)
            strangers.append((dealer, monitor))
        for dealer, monitor in strangers:
            refused += bool(monitor.poll(1000))
            dealer.disable_monitor()
            monitor.close(linger=0)
            dealer.close(linger=0)
    context.term()
    return refused


if __name__ == "__main__":
    print(_flood(parse(sys.argv[1])))

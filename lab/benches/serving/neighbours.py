"""Measures programs that flood the gateway or hold its places: another program's waits beside each, and the gateway's
memory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
from hushd import Client

from ..peak import Peak
from ..stage import Row, port, supervisor

sys.path.append(str(Path(__file__).parents[3] / "tests"))
from support.raw_web_socket import PING, PONG, TEXT, RawWebSocket, frame

CONFIG = 'gateway_idle = "10m"\n[http]\nlisten = ["127.0.0.1:0"]\n[wyoming]\nlisten = ["tcp://127.0.0.1:0"]\n'
CALM_S = 3.0
FLOOD_S = 6.0
AFTER_S = 10.0
NOWHERE = "/v1/none"  # which the application answers by itself
MAX_MB, MORE_MB, WAIT_MS = 100, 5, 250
AT_REST_MS = 50  # beside neighbours that rest, or do not read
TOKEN = "s3cret"


def neighbours(_: Namespace) -> Iterator[Row]:
    """Programs that flood the gateway in every way: another's p99 beside them, the gateway's size with and after."""
    for name in FLOODS:
        yield from _flood(name)


def _flood(name: str) -> Iterator[Row]:
    with supervisor(CONFIG), Client() as client:
        web, wyoming = port(client), port(client, "wyoming")
        for _ in range(50):
            _ask(web)
        with RawWebSocket(web) as session:  # what is loaded once is loaded
            session.event("session.created")
        with socket.create_connection(("127.0.0.1", wyoming)) as connection:
            connection.sendall(b'{"type": "ping"}\n')
            connection.recv(100)
        end = time.monotonic() + CALM_S
        calm, _ = _waits(web, lambda: time.monotonic() < end)
        gateway = psutil.Process(client.status().door.gateway.pid)
        before = gateway.memory_info().rss / 1e6
        peak = Peak(gateway)
        command = [sys.executable, "-m", "benches.serving.neighbours", name, str(web), str(wyoming)]
        there = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))}
        flooder = subprocess.Popen(command, env=there, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
        p99, note = _waits(web, lambda: flooder.poll() is None)
        highest = peak.stop()
        time.sleep(AFTER_S)
        after = gateway.memory_info().rss / 1e6 if gateway.is_running() else 0.0
    goal = AT_REST_MS if name.startswith("resting") else WAIT_MS
    ok = p99 <= goal and "0 unanswered" in note
    yield Row(f"neighbours: {name}, p99", p99, "ms", f"<= {goal}", calm, ok, note)
    yield Row(f"neighbours: {name}, gateway's RSS with it", highest, "MB", f"<= {MAX_MB}", before, highest <= MAX_MB)
    ok = after - before <= MORE_MB
    yield Row(f"neighbours: {name}, RSS 10 s after", after - before, "MB more", f"<= {MORE_MB}", ok=ok)


def _waits(web: int, goes_on: Callable[[], bool]) -> tuple[float, str]:
    """The p99 of another program's requests in ms, and how many there were."""
    times, failed = [], 0
    while goes_on():
        began = time.perf_counter()
        failed += not _ask(web)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    times.sort()
    p99 = times[int(len(times) * 0.99)]
    return p99, f"{len(times)} requests, median {times[len(times) // 2]:.0f}, max {times[-1]:.0f}, {failed} unanswered"


def _ask(web: int) -> bool:
    """Returns whether a short request of another program is answered."""
    try:
        with socket.create_connection(("127.0.0.1", web), timeout=10) as connection:
            connection.sendall(f"GET {NOWHERE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return b" 404 " in connection.recv(65536)
    except OSError:
        return False


# --- in a process of their own ---------------------------------------------------------------------------------------


def _session(web: int, send: Callable[[RawWebSocket, int], None], *, headers: tuple[str, ...] = ()) -> None:
    """Sends again and again on one session, and opens another when it is ended."""
    end = time.monotonic() + FLOOD_S
    turn = 0
    while time.monotonic() < end:
        with suppress(OSError, EOFError), RawWebSocket(web, "/v1/realtime", *headers) as session:
            session.socket.settimeout(1.0)
            reader = threading.Thread(target=_read_all, args=(session.socket,), daemon=True)
            reader.start()
            while time.monotonic() < end:
                turn += 1
                send(session, turn)
        time.sleep(0.05)


def _read_all(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(1 << 20):
            pass


def _updates(session: RawWebSocket, turn: int) -> None:
    session.send({"type": "session.update", "session": {f"k{turn}.{n}": [{}] * 100 for n in range(300)}})


def _items(session: RawWebSocket, turn: int) -> None:
    content = [{"type": "input_text", "text": "word " * 40_000}]
    session.send({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}})


def _bombs(session: RawWebSocket, turn: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(b" " * 250_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    session.socket.sendall(frame(TEXT, data[:-4], compressed=True))
    time.sleep(1.0)


def _many_sessions(web: int, first: bytes) -> None:
    """Sessions that have each sent a part of a message, and rest."""
    held = []
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        with suppress(OSError, EOFError):
            if len(held) < 200:
                held.append(RawWebSocket(web, "/v1/realtime"))
                held[-1].socket.settimeout(0.5)
                held[-1].socket.sendall(first)
                continue
        time.sleep(0.1)


def _control(web: int, opcode: int, *, read: bool) -> None:
    end = time.monotonic() + FLOOD_S
    frames = frame(opcode, bytes(100)) * 500
    while time.monotonic() < end:
        with suppress(OSError, EOFError), RawWebSocket(web, "/v1/realtime") as session:
            session.socket.settimeout(0.5)
            if read:
                threading.Thread(target=_read_all, args=(session.socket,), daemon=True).start()
            while time.monotonic() < end:
                session.socket.sendall(frames)
        time.sleep(0.01)


def _answered(web: int) -> None:
    """Requests that are refused, with large heads and bodies, one after the other on a connection."""
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 30_000}\r\nContent-Length: 60000\r\n\r\n"
    request = head.encode() + bytes(60_000)
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", web), timeout=2) as connection:
            while time.monotonic() < end:
                connection.sendall(request)
                if not connection.recv(65536):
                    break


def _headers(web: int) -> None:
    """Heads of many short headers."""
    request = b"GET /v1/none HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 15_000 + b"\r\n"
    held: list[socket.socket] = []
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", web), timeout=1)
            connection.sendall(request)
            connection.recv(65536)
            held.append(connection)
        if len(held) > 200:
            held.pop(0).close()


def _resting(number: int, count: int, first: bytes, *, answer: bool) -> None:
    """Connections that say something once, or nothing, and rest."""
    held = []
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        with suppress(OSError):
            if len(held) < count:
                connection = socket.create_connection(("127.0.0.1", number), timeout=1)
                held.append(connection)
                if first:
                    connection.sendall(first)
                if answer:
                    connection.recv(65536)
                continue
        time.sleep(0.1)


_CHUNK = {"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}, "payload_length": 1_000_000}
FLOODS: dict[str, Callable[[int, int], None]] = {
    "session.update with unknown keys": lambda web, _: _session(web, _updates),
    "conversation.item.create": lambda web, _: _session(web, _items),
    "permessage-deflate": lambda web, _: _session(
        web, _bombs, headers=("Sec-WebSocket-Extensions: permessage-deflate",)
    ),
    "200 sessions with half a message": lambda web, _: _many_sessions(web, frame(TEXT, b'"' * 8_000_000)[:4_000_000]),
    "sessions of tiny messages": lambda web, _: _session(web, lambda session, _: session.socket.sendall(_TINY)),
    "pings, answers never read": lambda web, _: _control(web, PING, read=False),
    "pings": lambda web, _: _control(web, PING, read=True),
    "pongs": lambda web, _: _control(web, PONG, read=True),
    "refused requests with bodies": lambda web, _: _answered(web),
    "heads of many headers": lambda web, _: _headers(web),
    "200 Wyoming chunks without an end": lambda _, wyoming: _resting(
        wyoming, 200, json.dumps(_CHUNK).encode() + b"\n" + bytes(900_000), answer=False
    ),
    "resting: 600 Wyoming connections": lambda _, wyoming: _resting(wyoming, 600, b'{"type": "ping"}\n', answer=True),
    "resting: 300 silent connections": lambda web, _: _resting(web, 300, b"", answer=False),
    "resting: 300 sessions": lambda web, _: _many_sessions(web, b""),
}
_TINY = frame(TEXT, b"{}") * 2000

if __name__ == "__main__":
    FLOODS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))

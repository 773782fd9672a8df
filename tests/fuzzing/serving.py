"""The door and the gateway behind it: programs that speak Wyoming nearly right, slowly, and not to the end."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from .mutate import NUMBERS, Feed, altered, anything, damaged
from .sockets import ANSWER_S, LOOK, House

LISTEN = '[http]\nlisten = ["127.0.0.1:0"]\n[wyoming]\nlisten = ["tcp://127.0.0.1:0"]\n'
CROWD = 40  # connections at a time
SPARE = 60  # descriptors that a gateway opens for itself and the requests under way
GATEWAY_LARGEST = 300  # MB resident
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SOUND = {"rate": 16_000, "width": 2, "channels": 1}
VOICE = {"voice": {"name": "echo", "language": "en", "speaker": None}, "text_format": "text"}
EVENTS: tuple[tuple[str, dict[str, Any], bytes], ...] = (
    ("describe", {}, b""), ("ping", {"text": "a"}, b""),
    ("transcribe", {"name": "stt/echo", "language": "en", "context": {}}, b""),
    ("audio-start", SOUND | {"timestamp": 0}, b""),
    ("audio-chunk", SOUND, bytes(640)), ("audio-chunk", SOUND, bytes(20_000)), ("audio-stop", {"timestamp": 1}, b""),
    ("synthesize", {"text": "Hello there."}, b""), ("synthesize-start", VOICE, b""),
    ("synthesize-chunk", {"text": "How are you? "}, b""),
    ("synthesize-stop", {}, b""), ("select-program", {"name": "hushd"}, b""),
    ("run-pipeline", {"start_stage": "wake"}, b""),
)  # fmt: skip


@contextmanager
def wyoming(folder: Path) -> Iterator[Feed]:
    """Wyoming's port: conversations of events with altered data and lengths that are lies, behind a describe or not."""

    def bytes_of(rng: Random) -> bytes:
        data = b"".join(_event(rng, 0.3) for _ in range(rng.choice((1, 2, 4, 8))))
        return damaged(rng, data) if rng.random() < 0.2 else data

    os.environ["HUSHD_GATEWAY_IDLE"] = "1"
    with House(folder, tables=LISTEN) as house:
        look = Look(house, folder)
        look.answered()
        before, count = look.descriptors(), 0
        crowd = _Crowd(look.ports["wyoming"])

        def feed(rng: Random) -> None:
            nonlocal count
            crowd.send(rng, bytes_of(rng))
            count += 1
            if count % LOOK == 0:
                look.answered()
                look.small()

        yield feed
        crowd.close()
        look.answered()
        look.back(before)


def _event(rng: Random, harm: float) -> bytes:
    kind, data, payload = rng.choice(EVENTS)
    value: Any = altered(rng, data) if rng.random() < harm else data
    head: dict[str, Any] = {"type": kind, "version": "1.10.2"}
    body = b""
    if rng.random() < 0.5:
        head["data"] = value
    else:
        body = json.dumps(value).encode(errors="surrogatepass")
        head["data_length"] = len(body)
    if payload or rng.random() < 0.1:
        head["payload_length"] = len(payload)
    if rng.random() < harm / 3:
        head[rng.choice(("data_length", "payload_length"))] = rng.choice(
            (*NUMBERS, *(-number for number in NUMBERS), 1e9)
        )
    if rng.random() < harm / 3:
        head = anything(rng) if rng.random() < 0.3 else altered(rng, head)
    return json.dumps(head).encode(errors="surrogatepass") + b"\n" + body + payload


class _Crowd:
    """Some connections, each of which may be written to, read, left, or broken off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._all: list[socket.socket] = []

    def send(self, rng: Random, data: bytes) -> None:
        """Sends `data` on a new connection or an older one, now and then in two pieces or without its end."""
        if len(self._all) >= CROWD or (self._all and rng.random() < 0.5):
            end = rng.choice(self._all)
        else:
            end = socket.create_connection(("127.0.0.1", self._port))
            end.setblocking(False)
            self._all.append(end)
        cut = rng.randrange(len(data) + 1) if rng.random() < 0.3 else len(data)
        with suppress(OSError):
            end.send(data[:cut])
            self._read(end)
            if rng.random() < 0.7:
                end.send(data[cut:])
        self._maybe_leave(rng, end)

    def close(self) -> None:
        for end in self._all:
            end.close()

    def _maybe_leave(self, rng: Random, end: socket.socket) -> None:
        if rng.random() < 0.2 or self._read(end) is None:
            self._all.remove(end)
            with suppress(OSError):
                if rng.random() < 0.3:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST
                elif rng.random() < 0.3:
                    end.shutdown(socket.SHUT_WR)
            end.close()

    def _read(self, end: socket.socket) -> bytes | None:
        """Bytes that have come; None at the end."""
        try:
            return end.recv(65536) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None


class Look:
    """Looks after the supervisor and the gateway; `ports` by kind."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._log = folder / "state" / "logs" / "gateway.log"
        rows = self._door()["listeners"]
        self.ports = {row["kind"]: int(row["address"].rpartition(":")[2]) for row in rows}

    def answered(self) -> None:
        """A program with manners gets `OK`, Wyoming's info and a pong."""
        for kind, asked, wanted in (
            ("http", HEALTH, b"OK"),
            ("wyoming", b'{"type": "describe"}\n', b'"asr"'),
            ("wyoming", b'{"type": "ping"}\n', b'"pong"'),
        ):
            deadline = time.monotonic() + ANSWER_S  # the first one starts the gateway
            with socket.create_connection(("127.0.0.1", self.ports[kind]), timeout=ANSWER_S) as end:
                end.sendall(asked)
                found = b""
                while wanted not in found:
                    part = end.recv(65536)
                    assert part, f"{asked!r} was answered {found!r}"
                    assert time.monotonic() < deadline
                    found += part
        self._house.check()

    def small(self) -> None:
        """The two keep little, and the gateway has failed at no connection."""
        gateway = self._door()["gateway"]
        assert (gateway["rss_mb"] or 0) < GATEWAY_LARGEST, gateway
        assert self.descriptors() < CROWD + SPARE, "the supervisor has too many open files"
        if gateway["pid"]:
            with suppress(FileNotFoundError):  # it has just left
                assert len(os.listdir(f"/proc/{gateway['pid']}/fd")) < CROWD + SPARE, (
                    "the gateway has too many open files"
                )
        self._no_failures()

    def back(self, before: int) -> None:
        """The gateway leaves once everybody has left, and no descriptor is left."""
        until = time.monotonic() + ANSWER_S
        while (now := self.descriptors()) > before or self._door()["gateway"]["pid"]:
            assert time.monotonic() < until, f"{now} open files, {before} before; {self._door()}"
            time.sleep(0.1)
        self._no_failures()

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self._house.pid}/fd"))

    def _no_failures(self) -> None:
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        assert "failed" not in log, log[-1000:]
        assert "Traceback" not in log, log[-1000:]

    def _door(self) -> dict[str, Any]:
        found: dict[str, Any] = self._house.status()["door"]
        return found

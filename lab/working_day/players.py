"""Plays a trace to hushd, and to a server with the same engines that never unloads them."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import soundfile
from benches.peers.resident import ResidentServer
from benches.stage import first_audio, recording
from hushd import Client
from hushd_protocol.system import paths
from watch import NAMES, by_process

from .clock import Account, Clock
from .trace import Request

KEEP_ALIVE_S, EXIT_WHEN_IDLE_S = 300.0, 600.0  # hushd's defaults
SUPERVISOR, TTS, STT = NAMES
ASKED = {"say": TTS, "listen": STT}


class Clips:
    """Recordings cut to length, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, request: Request) -> Path:
        path = self._folder / f"{request.length:g}-{request.subject}"
        if not path.exists():
            audio, rate = soundfile.read(recording(request.subject), dtype="float32")
            soundfile.write(path, audio[: round(request.length * rate)], rate)
        return path


class Hushd:
    """hushd as its commands use it: the first request starts the supervisor, and both leave when idle.

    A context manager. Only the durations that hushd waits are set, to its defaults divided by the speed.
    """

    def __init__(self, speed: float, keep_alive: float = KEEP_ALIVE_S) -> None:
        self._exit_when_idle, self._keep_alive = EXIT_WHEN_IDLE_S / speed, keep_alive / speed

    def __enter__(self) -> Hushd:
        self._folder = tempfile.TemporaryDirectory(prefix="hushd-")
        folder = Path(self._folder.name)
        (folder / "config.toml").write_text(
            f"exit_when_idle = {self._exit_when_idle}\n[worker]\nkeep_alive = {self._keep_alive}\n"
        )
        os.environ |= {
            "HUSHD_RUNTIME_DIR": str(folder / "run"),
            "HUSHD_STATE_DIR": str(folder / "state"),
            "HUSHD_CONFIG": str(folder / "config.toml"),
            "HUSHD_AUTOSTART": "1",
        }
        self.client = Client(holder="agent")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        with Client(start=False) as client:
            if self.root():
                client.shutdown()
        self._folder.cleanup()

    def root(self) -> psutil.Process | None:
        """The supervisor, if there is one."""
        try:
            process = psutil.Process(int(paths.find().lock.read_text()))
            return process if "hushd_supervisor" in process.cmdline() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def sizes(self) -> dict[str, tuple[float, float]]:
        root = self.root()
        try:
            return by_process(root) if root else {}
        except psutil.Error:
            return {}  # it has just left

    def say(self, text: str) -> float:
        return first_audio(self.client, text)

    def listen(self, path: Path) -> float:
        began = time.perf_counter()
        assert self.client.transcribe(path) is not None
        return time.perf_counter() - began


class Sampler(threading.Thread):
    """Enters hushd's memory into the account until stopped."""

    def __init__(self, hushd: Hushd, clocks: dict[str, Clock], day: Clock, pause: float) -> None:
        super().__init__(daemon=True)
        self.account = Account()
        self._hushd, self._clocks, self._day, self._pause = hushd, clocks, day, pause
        self._last = {name: clock.time() for name, clock in clocks.items()}
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._pause):
            self._sample()

    def stop(self) -> None:
        self._over.set()
        self.join()
        self._sample()

    def _sample(self) -> None:
        times = {name: clock.time() for name, clock in self._clocks.items()}
        passed = {name: times[name] - self._last[name] for name in times}
        self.account.add(self._day.time(), self._hushd.sizes(), passed)
        self._last = times


class Day:
    """One play of a trace to hushd.

    Attributes:
        waits: seconds to the first audio or to the text, by request.
        cold: whether a request found its worker asleep.
    """

    def __init__(self, hushd: Hushd, requests: Sequence[Request], length: float, speed: float, clips: Clips) -> None:
        self._hushd, self._requests, self._length, self._speed, self._clips = hushd, requests, length, speed, clips
        self._day = Clock(speed)
        self._clocks = {name: Clock(speed) for name in NAMES}
        self._sampler = Sampler(hushd, self._clocks, self._day, 0.5 if speed == 1 else 0.05)
        self.waits: list[float] = []
        self.cold: list[bool] = []

    @property
    def account(self) -> Account:
        return self._sampler.account

    def play(self) -> None:
        self._sampler.start()
        for request in self._requests:
            self._wait_until(request.second)
            self.cold.append(ASKED[request.what] not in self._hushd.sizes())
            self.waits.append(self._ask(request))
        self._wait_until(self._length)
        self._sampler.stop()

    def _ask(self, request: Request) -> float:
        path = self._clips.path(request) if request.what == "listen" else None
        with ExitStack() as stack:
            for clock in (self._day, self._clocks[SUPERVISOR], self._clocks[ASKED[request.what]]):
                stack.enter_context(clock.at_work())
            return self._hushd.listen(path) if path else self._hushd.say(request.subject)

    def _wait_until(self, second: float) -> None:
        while (left := second - self._day.time()) > 0:
            if self._speed > 1 and self._hushd.root() is None:
                self._skip(left)
            else:
                time.sleep(min(left / self._speed, 0.02 if self._speed > 1 else 1.0))

    def _skip(self, seconds: float) -> None:
        """Goes on at the next request: there is no process whose memory could count."""
        self.account.points.append((self._day.time(), {}))
        self._day.skip(seconds)
        self.account.points.append((self._day.time(), {}))


class Resident:
    """One play of a trace to the server that never unloads, without the pauses: nothing moves in them.

    Attributes:
        account: its memory after each request, until the next.
        waits: seconds to the first audio or to the text, by request.
    """

    NAME = "resident server"

    def __init__(self, requests: Sequence[Request], length: float, clips: Clips, folder: Path) -> None:
        self.account = Account()
        self.waits: list[float] = []
        with ResidentServer(folder / "resident.sock") as server:
            self.ready_s = server.ready_s
            process = psutil.Process(server.process.pid)
            now = 0.0
            for request in requests:
                self._enter(process, now, request.second)
                now = request.second
                ask = server.say if request.what == "say" else server.listen
                self.waits.append(ask(clips.path(request) if request.what == "listen" else request.subject))
            self._enter(process, now, length)

    def _enter(self, process: psutil.Process, first: float, last: float) -> None:
        (size,) = by_process(process).values()
        self.account.add(first, {self.NAME: size}, {self.NAME: last - first})
        self.account.points.append((last, {self.NAME: size[0]}))

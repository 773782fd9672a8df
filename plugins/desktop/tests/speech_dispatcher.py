"""A real speech-dispatcher with `sd_hushd` as its only module, and a screen reader's connection to it (SSIP)."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

from support.outside import lacking
from support.peer import BOUND_S, wait_until
from support.sound_loop import SoundLoop

CONFIG = """\
LogLevel 0
AudioOutputMethod "pulse"
DefaultVolume 100
SymbolsPreproc "char"
AddModule "hushd" "sd_hushd" ""
DefaultModule hushd
"""


def missing() -> str:
    """Names the programs that are not installed; empty when all are."""
    return lacking("speech-dispatcher", "spd-say")


class SpeechDispatcher:
    """The server, which plays into a sound loop. A context manager."""

    def __init__(self, loop: SoundLoop, folder: Path, config: str = CONFIG, modules: Path | None = None) -> None:
        self.folder = folder
        self.address = folder / "spd.sock"
        self.environment = loop.environment | {"SPEECHD_ADDRESS": f"unix_socket:{self.address}"}
        folder.mkdir(exist_ok=True)
        (folder / "speechd.conf").write_text(config)
        if modules is None:
            modules = folder
            (folder / "sd_hushd").write_text(
                f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m hushd_desktop.screen_reader\n"
            )
            (folder / "sd_hushd").chmod(0o755)
        self._server = subprocess.Popen(
            ["speech-dispatcher", "-s", "-C", folder, "-m", modules, "-S", self.address, "-P", folder / "pid",
             "-L", folder, "-t", "0"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> SpeechDispatcher:
        wait_until(self._listens, "speech-dispatcher")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(BOUND_S)

    @property
    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    @property
    def pid(self) -> int:
        return self._server.pid

    def say(self, *arguments: str) -> str:
        """Runs spd-say, until it was spoken; returns what it prints."""
        done = subprocess.run(
            ["spd-say", "-w", *arguments], env=self.environment, capture_output=True, text=True, timeout=BOUND_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _listens(self) -> bool:
        assert self._server.poll() is None, self.log
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(os.fspath(self.address)) == 0


class Reader:
    """A screen reader: it speaks SSIP, and hears of the progress of speech. A context manager."""

    def __init__(self, dispatcher: SpeechDispatcher) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(BOUND_S)
        self._socket.connect(os.fspath(dispatcher.address))
        self._lines = self._socket.makefile("r", newline="\r\n")
        self.events: list[tuple[str, float]] = []
        self.ask("SET self CLIENT_NAME user:tests:main")
        self.ask("SET self NOTIFICATION ALL on")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, *lines: str) -> str:
        """Sends lines, and returns the answer to the last of them; events that come before it are kept."""
        for line in lines:
            self._socket.sendall(f"{line}\r\n".encode())
            answer = self._message()
            while answer[:1] == "7":
                self._keep(answer)
                answer = self._message()
            assert answer[:1] == "2", (line, answer)
        return answer

    def send(self, line: str) -> None:
        self._socket.sendall(f"{line}\r\n".encode())

    def speak(self, text: str) -> float:
        self.ask("SPEAK")
        began = time.monotonic()
        self.ask(*text.split("\n")[:0], f"{text}\r\n.")
        return began

    def wait_for(self, event: str, after: int = 0) -> float:
        """Returns when an event has come: `BEGIN`, `END`, `CANCELED`, or the name of an index mark."""
        while not any(name == event for name, _ in self.events[after:]):
            self._keep(self._message())
        return next(when for name, when in self.events[after:] if name == event)

    def _keep(self, message: str) -> None:
        code, *_ = message.split("-", 1)
        names = {"701": "BEGIN", "702": "END", "703": "CANCELED", "704": "PAUSED", "705": "RESUMED"}
        name = names.get(code) or message.splitlines()[2].removeprefix("700-")
        self.events.append((name, time.monotonic()))

    def _message(self) -> str:
        found = ""
        while True:
            line = self._lines.readline()
            assert line, "speech-dispatcher has gone"
            found += line
            if line[3:4] == " ":
                return found

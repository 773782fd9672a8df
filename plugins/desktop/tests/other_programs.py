"""Programs that play into a sound loop, and helpers that make them quieter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.peer import wait_until
from support.sound_loop import SoundLoop

FULL = 65536
LOW = round(FULL * 10 ** (-20 / 60))  # 20 dB below
Volume = tuple[int, ...]


class OtherPrograms:
    """Streams of silence, each of a program of its own; a context manager."""

    def __init__(self, loop: SoundLoop) -> None:
        self._loop = loop
        self._players: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> OtherPrograms:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._players):
            self.end(name)

    def play(self, name: str, *options: str, volume: Volume = (), environment: Mapping[str, str] | None = None) -> None:
        """Begins a stream, and sets the volume of its channels."""
        command = ["pacat", "--playback", f"--client-name={name}", *options, "--raw", "/dev/zero"]
        self._players[name] = subprocess.Popen(
            command, env={**self._loop.environment, **(environment or {})}, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: name in self.streams(), name)
        if volume:
            self.set(name, volume)

    def set(self, name: str, volume: Volume) -> None:
        """Changes a volume, as a mixer does."""
        self._loop.pactl("set-sink-input-volume", str(self.streams()[name]["index"]), *map(str, volume))

    def end(self, name: str) -> None:
        self.forget(name)
        wait_until(lambda: name not in self.streams(), f"the end of {name}")

    def forget(self, name: str) -> None:
        """Ends a program, whether its sound server lives or not."""
        player = self._players.pop(name)
        player.kill()
        player.wait()

    def streams(self) -> dict[str, Any]:
        """The sound server's description of each."""
        try:
            listed = json.loads(self._loop.pactl("--format=json", "list", "sink-inputs"))
        except ValueError:
            return {}
        return {stream["properties"].get("application.name"): stream for stream in listed}

    def volumes(self) -> dict[str, Volume]:
        """The volumes of their channels."""
        streams = self.streams()
        return {name: tuple(each["value"] for each in streams[name]["volume"].values()) for name in streams}

    def become(self, **volumes: Volume) -> None:
        """Returns once these streams have these volumes."""
        try:
            wait_until(lambda: volumes.items() <= self.volumes().items(), "the volumes")
        except AssertionError as error:
            raise AssertionError(f"{self.volumes()} instead of {volumes}") from error


def environment_of(loop: SoundLoop, runtime: Path, bus: str = "unix:path=/nowhere") -> dict[str, str]:
    """The environment of a helper: no other bus and no other sound server is in its reach."""
    return loop.environment | {"HUSHD_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": bus}


def start_helper(environment: Mapping[str, str], decibels: float = 20.0) -> subprocess.Popen[bytes]:
    """Starts a helper; the end of its standard input is that of its holder."""
    command = [sys.executable, "-P", "-m", "hushd_desktop.ducking.helper", str(decibels)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, cwd="/")


def let_go(helper: subprocess.Popen[bytes]) -> None:
    """Ends its holder, without order, as a kill does; returns once the helper has ended too."""
    assert helper.stdin
    helper.stdin.close()
    assert helper.wait(60) == 0


@contextmanager
def quiet(environment: Mapping[str, str], decibels: float = 20.0) -> Iterator[subprocess.Popen[bytes]]:
    """Others are made quieter, and are as before at the end of the block."""
    helper = start_helper(environment, decibels)
    try:
        yield helper
        let_go(helper)
    finally:
        helper.kill()
        helper.wait()
        assert helper.stdin
        if not helper.stdin.closed:
            helper.stdin.close()


def ledgers(runtime: Path) -> list[str]:
    """The files that tell the next helper of something to bring back."""
    return sorted(name for name in os.listdir(runtime) if name.endswith(".json"))

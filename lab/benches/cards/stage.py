"""Shared by the parts: the card, the models, and a supervisor."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from hushd import Client
from hushd_worker import card
from support import commands

from ..stage import supervisor, wait_until_childless

MIB = 1 << 20
_PLACE = {"whisper": "whisper/{}.pt", "faster-whisper": "faster-whisper/{}/model.bin"}


class NotDone(Exception):
    """A part that cannot be measured here; the message is the reason."""


@dataclass
class Stage:
    """The measured card, and the folder of the models, which a process beside this one makes.

    Attributes:
        device: of the workers: `cuda`, or `cpu` in a rehearsal.
        size: of the large model, a name in `full_size.whisper.SHAPES`.
    """

    folder: Path
    device: str = "cuda"
    size: str = "large-v3"
    _maker: multiprocessing.process.BaseProcess | None = None

    def card(self) -> str:
        """Returns the card's name and size.

        Raises:
            NotDone: there is none.
        """
        if self.device == "cpu":
            return "A rehearsal on the CPU"
        seen: Any = card.probe()
        if not seen["cards"]:
            raise NotDone(str(seen["error"]) or "this machine has no card of NVIDIA's")
        return f"{seen['cards'][0]['name']}, {self.memory()[0] / 1e9:.0f} GB"

    def memory(self) -> tuple[int, int]:
        """Returns all bytes of the card, and the used ones."""
        driver = card.default()
        if self.device == "cpu" or driver is None:
            return 0, 0
        total, free = driver.memory(driver.ids()[0])
        return total, total - free

    def used(self) -> int:
        return self.memory()[1]

    def model(self, name: str) -> str:
        """Waits until the model is made; returns its name.

        Raises:
            NotDone: it could not be made.
        """
        engine, _, model = name.partition("/")
        path = self.folder / _PLACE[engine].format(model)
        while not path.exists():
            if self._maker is None or not self._maker.is_alive():
                raise NotDone(f"the model {name} could not be made")
            time.sleep(0.05)
        return name

    @contextmanager
    def making(self) -> Iterator[None]:
        """Makes the models meanwhile."""
        begin = multiprocessing.get_context("spawn").Process
        self._maker = begin(target=_make, args=(self.folder, self.size, self.device))
        self._maker.start()
        try:
            yield
        finally:
            self._maker.kill()
            self._maker.join()

    @contextmanager
    def supervisor(self, top: str = "", **worker: Any) -> Iterator[tuple[psutil.Process, Client]]:
        """A supervisor whose workers have these settings, and a client."""
        settings = {"compute_device": self.device, "keep_alive": 600} | worker
        config = [top, "[worker]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        with supervisor("\n".join(config), HUSHD_MODELS_DIR=str(self.folder)) as process, Client() as client:
            yield process, client


def _make(folder: Path, size: str, device: str) -> None:
    """Makes Whisper's checkpoints, a trained one and two of chance, and of each what faster-whisper reads."""
    from full_size import making, whisper
    from support.whisper_models import convert

    commands.unpack_checkpoint(folder / "whisper" / "commands.pt")
    for name, shape in (("commands", ""), ("small", "small" if size == "large-v3" else size), ("large", size)):
        if shape:
            making.make(folder / "whisper", whisper.openai(1, shape, name), flat=True)
        made = folder / "faster-whisper" / name
        try:
            convert(folder / "whisper" / f"{name}.pt", made, "float16" if device == "cuda" else "int8")
        except Exception as error:  # without faster-whisper; its parts say that there is no model
            print(f"{name}: {error}", file=sys.stderr)
        if name == "small":
            made.with_name("other").symlink_to("small")


@contextmanager
def helper(program: str, *arguments: str) -> Iterator[psutil.Process]:
    """Runs `program` in a fresh Python until the block's end; yields it once it has printed `ready`.

    Raises:
        NotDone: it ended before, with the last line that it wrote.
    """
    command = [sys.executable, "-c", program, *arguments]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, text=True, **streams)  # type: ignore[call-overload]
    last = ""
    try:
        for line in process.stdout:
            if line.strip() == "ready":
                break
            last = line.strip() or last
        else:
            raise NotDone(last[:150] or "its program ended at once")
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.communicate()


def unload(client: Client, process: psutil.Process) -> None:
    """Ends all workers, and returns when their exits were seen."""
    client.unload(force=True)
    wait_until_childless(process)


def eventually(holds: Callable[[], bool], seconds: float) -> float | None:
    """Returns the seconds until `holds()`; None where it did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if holds():
            return time.monotonic() - began
        time.sleep(0.02)
    return None

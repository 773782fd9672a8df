"""Shared by the parts: the card or a file in its place, the models, and a supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from hushd import Client
from hushd_worker import card

from ..stage import supervisor, wait_until_childless

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # for the tests' stand-in
from support import card_stand_in

MIB = 1 << 20
GB = 10**9
STAND_IN = "0000:01:00.0"  # of the card that is a file


class NotDone(Exception):
    """A part that cannot be measured here; the message is the reason."""


@dataclass
class Stage:
    """The measured card, and the folder for models.

    Attributes:
        device: of the workers: `cuda`, or `cpu` in a rehearsal.
        sizes: of the large and the small model, names in `full_size.whisper.SHAPES`.
        stand_in: the file that replaces the driver; None for a real card.
    """

    folder: Path
    device: str = "cuda"
    sizes: tuple[str, str] = ("large-v3", "small")
    stand_in: Path | None = None
    models: dict[str, Path] = field(default_factory=dict)

    @property
    def driver(self) -> card.Driver:
        """Reads the card's memory.

        Raises:
            NotDone: there is no card.
        """
        found = card.default()
        if found is None or not found.ids():
            raise NotDone("there is no graphics card")
        return found

    @property
    def id(self) -> str:
        return next(iter(card.cards(self.driver))).id

    def total(self) -> int:
        return self.driver.memory(self.id)[0]

    def used(self) -> int:
        total, free = self.driver.memory(self.id)
        return total - free

    @contextmanager
    def supervisor(self, **worker: Any) -> Iterator[tuple[psutil.Process, Client]]:
        """A supervisor whose workers have these settings, and a client."""
        settings = {"compute_device": self.device, "keep_alive": 600} | worker
        lines = ["[worker]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        environment = {"HUSHD_MODELS_DIR": str(self.folder)}
        if self.stand_in:
            lines.append('[worker."stt/card"]')
            program = Path(card_stand_in.__file__).with_name("card_worker.py")
            lines.append(f"command = {json.dumps([sys.executable, str(program)])}")
            environment |= card_stand_in.environment(self.stand_in)
        with supervisor("\n".join(lines), **environment) as process, Client() as client:
            yield process, client

    @contextmanager
    def stranger(self, share: float) -> Iterator[None]:
        """Runs a program that takes a share of the card's memory."""
        size = int(share * self.total())
        if self.stand_in:
            before = self.stand_in.read_text()
            self.stand_in.write_text(json.dumps([known | {"others": size} for known in json.loads(before)]))
            yield
            self.stand_in.write_text(before)
            return
        with helper(_TAKE.format(size=size)):
            yield


@contextmanager
def helper(program: str, *arguments: str) -> Iterator[None]:
    """Runs `program` in a fresh Python until the block's end; yields once it has printed `ready`.

    Raises:
        NotDone: it ended before, with the last line that it wrote.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    last = ""
    try:
        for line in process.stdout:
            if line.strip() == "ready":
                break
            last = line.strip() or last
        else:
            raise NotDone(last[:150] or "its program ended at once")
        yield
    finally:
        process.kill()
        process.communicate()


# Uses the driver's own functions, since a library would add its own runtime.
_TAKE = """
import ctypes, sys
cuda, device, context, memory = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
for status in (
    cuda.cuInit(0),
    cuda.cuDeviceGet(ctypes.byref(device), 0),
    cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
    cuda.cuCtxSetCurrent(context),
    cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t({size})),
):
    if status:
        sys.exit(f"CUDA's error {{status}}")
print("ready", flush=True)
sys.stdin.read()
"""


def unload(client: Client, process: psutil.Process) -> None:
    """Ends all workers, and returns when their exits were seen."""
    client.unload(force=True)
    wait_until_childless(process)


def eventually(value: Any, wanted: Any, seconds: float) -> float | None:
    """Seconds until `value()` is `wanted`; None where it was not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if value() == wanted:
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def put_stand_in(folder: Path, gb: float = 24) -> Path:
    """Writes a card of so many GB that is a file."""
    path = folder / "cards.json"
    path.write_text(json.dumps([{"id": STAND_IN, "name": "stand-in", "total": int(gb * GB)}]))
    os.environ |= card_stand_in.environment(path)
    return path

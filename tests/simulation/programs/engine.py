"""A worker of the simulation: an engine without a model, on the product's harness.

It hears a recording at 1000 bytes a second: a segment for each, whose text is the digest of those bytes, as fast as
the world says. It says each byte of a text twice. So a client can tell what it must get, and in which order.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import compute_device
from hushd_worker.errors import load_error
from hushd_worker.harness import serve
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

from ..card import MODEL

SECOND = 1000  # bytes of a recording
SLOW, SLOW_S = "slow", 6.0  # a model that takes so long for each piece
world: Any = None  # the simulation


def digest(second: bytes) -> str:
    """The text of a second of a recording."""
    return hashlib.sha256(second).hexdigest()[:12]


class Engine(BaseWorker):
    """Loads and works for as long as the world says."""

    slots = 2
    sessions = 1
    aside = 2
    compute_device = "cpu"

    def __init__(self, model: str) -> None:
        self._model = model

    def load(self, report: Callable[[str], None]) -> Capabilities:
        how = world.load()
        for _ in range(how.steps):
            self._compute(how.seconds / how.steps)
            world.grow(how.memory // how.steps)
        if "HUSHD_CARDS" in os.environ:
            return self._place()
        return Capabilities(engine="echo")

    def _place(self) -> Capabilities:
        """Chooses the CPU, or the card that it is shown, where its memory must be free."""
        shown = os.environ.get("CUDA_VISIBLE_DEVICES") != ""
        self.compute_device = compute_device.choose("the simulation", (*["cuda"] * shown, "cpu"))
        on_card = self.compute_device == "cuda"
        if on_card and not world.card.take(world.machine.current, MODEL):
            world.full()
            raise load_error(self._model, RuntimeError("CUDA out of memory."), install="", again="")
        device, why = compute_device.report(self.compute_device, "", "echo")
        return Capabilities(engine="echo", compute_device=device, why_there=why)

    def run(self, job: Job) -> dict[str, Any]:
        if world.crashes():
            os._exit(11)
        if job.op == "transcribe":
            return self._transcribe(job)
        if job.op == "synthesize":
            return self._synthesize(job)
        raise HushdError("unsupported", f"There is no operation {job.op}.")

    def _transcribe(self, job: Job) -> dict[str, Any]:
        data = b"".join(job.read())
        first = int(job.params.get("start_s", 0.0))
        seconds = [data[start : start + SECOND] for start in range(0, len(data), SECOND)]
        for number, second in enumerate(seconds):
            if number < first:
                continue
            self._compute(SLOW_S if self._model == SLOW else world.pace())
            job.check()
            times = {"start": float(number), "end": float(number + 1)}
            job.send_partial({"kind": "segment", "id": number, "text": digest(second), **times})
        return {"language": "en", "duration": float(len(seconds)), "segments": len(seconds)}

    def _synthesize(self, job: Job) -> dict[str, Any]:
        sentences = 0
        for piece in job.read():
            for start in range(0, len(piece), SECOND):
                self._compute(SLOW_S if self._model == SLOW else world.pace())
                letters = piece[start : start + SECOND]
                speech = bytearray(2 * len(letters))
                speech[::2] = speech[1::2] = letters
                world.promptness.spoke(bytes(speech))
                job.send_chunk(bytes(speech), rate=16000, channels=1)
                sentences += 1
        return {"duration": 1.0, "rate": 16000, "voice": "echo", "sentences": sentences}

    def _compute(self, seconds: float) -> None:
        world.burn(seconds)
        if seconds <= 0:
            time.sleep(0)
        while seconds > 0 and not world.calm:
            threading.Event().wait(min(seconds, 1.0))
            seconds -= 1.0


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine")
    parser.add_argument("--model")
    serve(Engine(parser.parse_args(arguments).model))

"""A worker that claims memory of a graphics card (of HUSHD_CARDS), else an echo worker; its model's name is the size.

`stt/card/12gb` claims 12 GB of the card that it is shown, holds them until its exit, and fails as torch does where they
are not free; without a card it computes on the CPU. Besides the operations of `echo_worker` it has

claim     claims params["gb"] more, as a long recording does; the error of torch where they are not free
abort     ends the process on a card, as drivers do; on the CPU there is a result
where     result {"pid"}, and where it computes, as any result of a worker that may use a card

With `--engine none` it finds no card usable, as an engine for the CPU alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from echo_worker import Echo
from hushd_schema.results import Capabilities
from hushd_worker import card, compute_device
from hushd_worker.errors import load_error
from hushd_worker.harness import serve
from hushd_worker.job import Job
from support.card_stand_in import StandIn

GB = 10**9


class OnCard(Echo):
    """An engine whose weights are a claim."""

    compute_device = "cpu"

    def __init__(self, engine: str, model: str) -> None:
        super().__init__()
        self._engine = engine
        self._model = model

    def load(self, report: Callable[[str], None]) -> Capabilities:
        try:
            self.compute_device = compute_device.choose("the stand-in", (*self._kinds(), "cpu"))
            if self.compute_device == "cuda":
                self._claim(float(self._model.removesuffix("gb")))
        except RuntimeError as error:
            raise load_error(f"card/{self._model}", error, install="", again="") from error
        device, why = compute_device.report(self.compute_device, "", "card")
        return Capabilities(engine="card", compute_device=device, why_there=why)

    def run(self, job: Job) -> dict[str, Any]:
        if job.op == "claim":
            self._claim(job.params["gb"])
            return {}
        if job.op == "abort":
            if self.compute_device != "cpu":
                os.abort()
            return {}
        if job.op == "where":
            return {"pid": os.getpid()}
        return super().run(job)

    def _kinds(self) -> list[str]:
        """The kinds of cards that it can use: by CUDA what it is shown, by Vulkan what nobody counts."""
        return [] if self._engine == "none" else [*["cuda"] * len(self._shown()), "vulkan"]

    def _shown(self) -> list[str]:
        """The places of the cards that it is shown; opens none, which may be slow."""
        driver = card.default()
        return [*card._shown(driver, os.environ)] if driver else []

    def _claim(self, gb: float) -> None:
        driver = card.default()
        assert isinstance(driver, StandIn)
        if not driver.claim(self._shown()[0], int(gb * GB)):
            raise RuntimeError(f"CUDA out of memory. Tried to allocate {gb:.2f} GiB.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--model", required=True)
    flags = parser.parse_args()
    serve(OnCard(flags.engine, flags.model))

"""A worker that needs a model which hushd can pull: without it, it does not load; what it hears is its hash."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from typing import Any

from hushd_models import advice
from hushd_models.store import Store
from hushd_protocol.system import paths
from hushd_schema.results import Capabilities
from hushd_worker.harness import serve
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker


class Needy(BaseWorker):
    slots = 4

    def __init__(self, engine: str, model: str) -> None:
        self._engine, self._name = engine, model
        self._heard = ""

    def load(self, report: Callable[[str], None]) -> Capabilities:
        found = Store(paths.find()).find(f"{self._engine}/{self._name}")
        if found is None:
            raise advice.missing(f"{self._engine}/{self._name}")
        file = max(found.files, key=lambda name: found.files[name].size)
        self._heard = hashlib.sha256((Store(paths.find()).location(found) / file).read_bytes()).hexdigest()
        return Capabilities()

    def run(self, job: Job) -> dict[str, Any]:
        for _ in job.read():
            pass
        job.send_partial({"kind": "segment", "id": 0, "start": 0.0, "end": 1.0, "text": self._heard})
        return {"language": "en", "duration": 1.0, "segments": 1}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    serve(Needy(options.engine, options.model))

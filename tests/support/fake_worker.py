"""A worker that misbehaves on request, on the real harness: the command of a supervisor's worker in tests.

Flags come from the environment variable FAKE_WORKER and from the command line, before `--engine X --model Y`,
which the supervisor appends. Without a flag it is a good worker without an engine. It knows these operations:

    echo    result {"echo": params, "size": bytes of input}
    sleep   the same after params["s"] seconds, or once the file params["until"] is there

    --slow-load S        takes S seconds to load
    --crawl S            takes S seconds to load without a word, and 4 MB more each quarter of a second
    --load-failed CODE   does not load, by an error with CODE
    --late-result        sends the result, flushes it, and dies by SIGKILL at once
    --describe           prints a catalogue with an engine `fake`, and --role is its role
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from typing import Any

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import harness
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

LOOK_S = 0.01  # between two looks for what a job waits for


def options() -> argparse.Namespace:
    """The flags of this module's docstring."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in ("describe",):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--slow-load", type=float, default=0.0)
    parser.add_argument("--crawl", type=float, default=0.0)
    parser.add_argument("--load-failed", default="")
    parser.add_argument("--role", default="stt")
    parser.add_argument("--engine", default="fake")
    parser.add_argument("--model", default="one")
    return parser.parse_args(shlex.split(os.environ.get("FAKE_WORKER", "")) + sys.argv[1:])


def catalogue(role: str) -> dict[str, Any]:
    """The output of `--describe`: one engine, `fake`, with a model."""
    model = {"name": "one", "languages": ["en"], "memory_mb": 30, "embedded": True, "installed": True}
    engine = {
        "name": "fake", "installed": True, "install": "nothing to install", "default_model": "one", "models": [model],
        "streaming": True, "word_times": False,
    }  # fmt: skip
    return {"role": role, "version": __version__, "engines": [engine]}


class Fake(BaseWorker):
    """An engine whose flags say how it misbehaves."""

    slots = 1

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags = flags
        self.model: list[bytes] = []

    def load(self, report: Callable[[str], None]) -> Capabilities:
        if code := self.flags.load_failed:
            raise HushdError(code, f"This worker was told to say {code}.")
        time.sleep(self.flags.slow_load)
        for _ in range(int(4 * self.flags.crawl)):
            time.sleep(0.25)
            self.model.append(os.urandom(4_000_000))
        return Capabilities(engine=self.flags.engine, model=self.flags.model)

    def run(self, job: Job) -> dict[str, Any]:
        size = sum(map(len, job.read()))
        due, file = time.monotonic() + float(job.params.get("s", 0)), job.params.get("until")
        while job.op == "sleep" and (time.monotonic() < due or (file and not os.path.exists(file))):
            job.check()
            time.sleep(LOOK_S)
        return {"echo": job.params, "size": size}


def main() -> None:
    flags = options()
    if flags.describe:
        print(json.dumps(catalogue(flags.role)))
        return
    if flags.crawl:
        harness.LOADING_S = 60.0
    harness.serve(Fake(flags))


if __name__ == "__main__":
    main()

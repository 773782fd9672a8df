"""A worker program around the real harness, whose engine does what the job's `op` and the flags say.

    python scripted_engine.py [--load HOW] [--slots N] [--sessions N] [--aside N] [--beat S] [--loading S] [--settle S]

HOW is `fast`, `sleep` (0.5 s), `report`, `missing` (HushdError), `short` (the same,
because memory ran out), `full_card`, `raise` or `exit`.
`--beat`, `--loading` and `--settle` replace the harness's intervals, so that no test waits for them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import harness
from hushd_worker.errors import load_error
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker


class Scripted(BaseWorker):
    def __init__(self, how: str, slots: int, sessions: int, aside: int = 0) -> None:
        self.how = how
        self.slots = slots
        self.aside = aside
        if sessions:
            self.sessions = sessions
        self.thread = 0
        self.kept: list[bytearray] = []

    def load(self, report: Callable[[str], None]) -> Capabilities:
        print(f"loading: {self.how}")
        self.thread = threading.get_ident()
        if self.how == "sleep":
            time.sleep(0.5)
        elif self.how == "report":
            for note in ("weights", "warm-up"):
                report(note)
        elif self.how == "missing":
            raise HushdError("model_missing", "The model tiny is not installed: hushd install tiny.")
        elif self.how == "short":
            try:
                raise ImportError("\nPLEASE READ THIS\n\nlibx.so: failed to map segment from shared object\n")
            except ImportError as error:
                raise HushdError("engine_missing", "The engine does not load: reinstall it.") from error
        elif self.how == "full_card":
            error = RuntimeError("CUDA failed with error out of memory")
            raise load_error("scripted/one", error, install="", again="")
        elif self.how == "raise":
            raise RuntimeError("weights are upside down")
        elif self.how == "exit":
            sys.exit("not today")
        return Capabilities(engine="scripted", model=self.how)

    def run(self, job: Job) -> dict[str, Any]:
        return {name: getattr(self, name) for name in dir(self) if name.startswith("op_")}["op_" + job.op](job) or {}

    def release_memory(self) -> None:
        self.kept.clear()

    def op_echo(self, job: Job) -> dict[str, Any]:
        return {"params": job.params, "size": sum(len(piece) for piece in job.read())}

    def op_big(self, job: Job) -> dict[str, Any]:
        return {"text": "x" * 60_000}

    def op_until_cancelled(self, job: Job) -> None:
        job.progress(1.0, 2.0)
        for _ in job.read():
            pass

    def op_refuse(self, job: Job) -> None:
        raise HushdError("input_unreadable", "That is no audio: send a WAV file.", detail={"at": 3})

    def op_raise(self, job: Job) -> None:
        raise ValueError("negative\nsamples \udcff")

    def op_too_much(self, job: Job) -> None:
        bytearray(2**62)

    def op_break_card(self, job: Job) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def op_fill_card(self, job: Job) -> None:
        raise RuntimeError("CUDA failed with error out of memory")

    def op_too_late(self, job: Job) -> None:
        """Behaves as an engine that imports a library when it is first needed."""
        try:
            raise ImportError("libx.so: failed to map segment from shared object")
        except ImportError as error:
            raise HushdError("engine_missing", "This part is not installed: install it.") from error

    def op_sys_exit(self, job: Job) -> None:
        sys.exit(3)

    def op_unsendable(self, job: Job) -> dict[str, Any]:
        return {"what": object()}

    def op_unsendable_partial(self, job: Job) -> None:
        job.send_partial({"what": object()})

    def op_unsendable_error(self, job: Job) -> None:
        raise HushdError("bad_request", "No.", detail={"what": object()})

    def op_too_large(self, job: Job) -> dict[str, Any]:
        return {"text": "x" * 70_000}

    def op_print(self, job: Job) -> None:
        print("printed by the engine")
        os.write(1, b"written to descriptor 1\n")

    def op_keep(self, job: Job) -> None:
        self.kept.append(bytearray(b"x") * job.params["bytes"])

    def op_unmap(self, job: Job) -> None:
        """A program gives back 60 MB, which leave its map at once, and ends with the job's input."""
        held = [sys.executable, "-c", "import sys; held = bytearray(60_000_000); sys.stdin.read()"]
        mapped, harness.pss = harness.pss, lambda: 1  # type: ignore[assignment]
        with subprocess.Popen(held, stdin=subprocess.PIPE):
            for _ in job.read():
                pass
        harness.pss = mapped

    def op_economise(self, job: Job) -> dict[str, Any]:
        job.degraded = job.economy
        return {"asked": job.economy}

    def op_kind(self, job: Job) -> dict[str, Any]:
        return {"session": job.session}

    def op_thread(self, job: Job) -> dict[str, Any]:
        return {"same_as_load": threading.get_ident() == self.thread, "main": threading.main_thread().ident}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", default="fast")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--aside", type=int, default=0)
    parser.add_argument("--beat", type=float, default=harness.BEAT_INTERVAL_S)
    parser.add_argument("--loading", type=float, default=harness.LOADING_S)
    parser.add_argument("--settle", type=float, default=harness.TRIM_DELAY_S)
    flags = parser.parse_args()
    harness.BEAT_INTERVAL_S, harness.LOADING_S, harness.TRIM_DELAY_S = flags.beat, flags.loading, flags.settle
    harness.serve(Scripted(flags.load, flags.slots, flags.sessions, flags.aside))

"""The precision that a worker loads, and the programs that measure it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from hushd_models import catalogue, precision
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.system import footprint, paths
from hushd_protocol.system.cgroup import Cgroup

from . import compute_device


def wish() -> str:
    """Returns the configured precision: `auto`, `int8` or `original`."""
    return os.environ.get(precision.VARIABLE) or precision.AUTO


def int8_place(model: str) -> Path | None:
    """Returns the place of a model's int8 files, its folder or its `.onnx` file, if this worker is to load them; None:
    it loads the original."""
    store, model = Store(paths.find()), catalogue.canonical(model)
    place = precision.place(store, model)
    if not place.exists():  # of most models: nothing else is looked at
        return None
    free_mb = footprint.machine(Cgroup.own()).available / 1e6
    trial = precision.find(store, model)
    chosen, _ = precision.decide(wish(), trial, free_mb, on_card=compute_device.may_be_card())
    return place if chosen == precision.INT8 else None


def answer(work: Callable[[], JsonObject]) -> None:
    """Runs a program's work, and prints its answer, or its error, as a line of JSON on standard output, which the work
    itself writes nothing to."""
    answers = os.dup(1)
    os.dup2(2, 1)  # the libraries' output belongs in the log
    try:
        output = work()
    except HushdError as error:
        output = {"error": error.code, "message": error.message}
    os.write(answers, json.dumps(output).encode() + b"\n")
    sys.stdout.flush()
    os._exit(0)  # native libraries crash as the interpreter ends


def peak_mb() -> float:
    """Returns the peak of this process's resident memory, in MB (10^6 bytes)."""
    if sys.platform == "linux":
        return footprint.sizes_in("/proc/self/status")["VmHWM"] / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes

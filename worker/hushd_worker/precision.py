"""The precision that a worker loads, and the answers of programs that measure it."""

from __future__ import annotations

import json
import os
import resource
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
    """Returns the setting `precision` of this worker: `auto`, `int8` or `original`."""
    return os.environ.get("HUSHD_PRECISION") or precision.AUTO


def int8_place(model: str) -> Path | None:
    """Returns the path of a model's int8 files if this worker is to load them; None: it loads the original."""
    store, model = Store(paths.find()), catalogue.canonical(model)
    place = precision.place(store, model)
    if not place.exists():  # most models lack it: nothing else is looked at
        return None
    trial, free_mb = precision.find(store, model), footprint.machine(Cgroup.own()).available / 1e6
    chosen, _ = precision.decide(wish(), trial, free_mb, on_card=compute_device.may_be_card())
    return place if chosen == precision.INT8 else None


def answer(work: Callable[..., JsonObject]) -> None:
    """Calls a program's work with its arguments, and prints what it returns and the peak of resident memory, or its
    error, as JSON; all other output goes into the log."""
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        output = work(*sys.argv[1:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        output["memory_mb"] = peak / 1e6
    except HushdError as error:
        output = {"error": error.code, "message": error.message}
    os.write(answers, json.dumps(output).encode())
    os._exit(0)  # native libraries crash as the interpreter ends

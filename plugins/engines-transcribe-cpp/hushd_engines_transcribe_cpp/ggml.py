"""Controls the library ggml inside the package `transcribe-cpp`: the devices that it opens, and the one that
computes."""

from __future__ import annotations

import os
import sys
from typing import Any

from hushd_protocol.cards import KINDS
from hushd_worker import compute_device

_OPENED = {"auto": ",cuda", "cuda": ",cuda,rocm", "rocm": ",rocm", "vulkan": ",vulkan"}
_WARNING, _ERROR = 2, 3  # the library's levels of messages; 1 and 4 are for its developers


def package() -> Any:
    """Imports the package such that it only opens the kind of graphics card that is wanted, and no debugger; returns
    it."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # otherwise an abort starts gdb
    kinds = _OPENED.get(compute_device.asked(), "") if compute_device.may_be_card() else ""
    os.environ.setdefault("TRANSCRIBE_BACKENDS", f"cpu{kinds}")
    import transcribe_cpp

    transcribe_cpp.set_log_callback(_log)
    return transcribe_cpp


def _log(level: int, message: str) -> None:
    if level in (_WARNING, _ERROR):
        print(message.rstrip(), file=sys.stderr)


def device(package: Any) -> tuple[str, Any]:
    """Returns the kind of device to compute on, and the package's device, None for the CPU.

    By Vulkan it is the first device that Vulkan lists, which may be a CPU, as lavapipe is.
    """
    by_kind: dict[str, Any] = {}
    for listed in package.backends():
        by_kind.setdefault(listed.kind, listed)
    kind = compute_device.choose("transcribe-cpp", (*(kind for kind in KINDS if kind in by_kind), "cpu"))
    return kind, by_kind[kind] if kind != "cpu" else None

"""The library ggml inside the package `transcribe-cpp`: which of its devices are opened, and which one computes."""

from __future__ import annotations

import os
import sys
from typing import Any

from hushd_protocol.cards import KINDS
from hushd_worker import compute_device

_WARNING, _ERROR = 2, 3  # the library's levels of messages; 1 and 4 are for its makers


def package(*, cards: bool = True) -> Any:
    """The package, imported so that it opens no graphics card that hushd does not count, and no debugger; without
    `cards`, for the CPU alone."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # else an abort starts gdb
    computing = ",cuda,rocm" if cards and compute_device.may_be_card() else ""
    drawing = ",vulkan" if cards and compute_device.may_be_vulkan() else ""
    os.environ.setdefault("TRANSCRIBE_BACKENDS", f"cpu{computing}{drawing}")
    import transcribe_cpp

    transcribe_cpp.set_log_callback(_log)
    return transcribe_cpp


def _log(level: int, message: str) -> None:
    if level in (_WARNING, _ERROR):
        print(message.rstrip(), file=sys.stderr)


def device(package: Any) -> tuple[str, Any]:
    """The kind of device to compute on, and the package's device, None for the CPU.

    Vulkan lists processors too, as lavapipe does, where the user has it show them: only who asks for `vulkan` gets one.
    """
    place, by_kind = compute_device.place(), dict[str, Any]()
    for listed in package.backends():
        if listed.kind != "vulkan" or (listed.device_id or "").lower() == place or not place:
            by_kind.setdefault(listed.kind, listed)
    kind = compute_device.choose("transcribe-cpp", (*(kind for kind in KINDS if kind in by_kind), "cpu"))
    return kind, by_kind[kind] if kind != "cpu" else None

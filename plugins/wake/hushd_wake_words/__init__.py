"""Waiting for words, for programs on a client: `wake` at the microphone, `detect` in samples of their own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .detection import Detection, Detections, detect
    from .heard import Heard, Wake, wake

__all__ = ["Detection", "Detections", "Heard", "Wake", "detect", "wake"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "detection" if "etect" in name else "heard"
    return getattr(import_module(f"{__name__}.{home}"), name)

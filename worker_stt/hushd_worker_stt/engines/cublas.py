"""Finds NVIDIA's cuBLAS for CTranslate2, which opens it by name at the first computation on a card, and brings none."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from importlib.util import find_spec

from hushd_models.installation import package_command

PACKAGE = "nvidia-cublas-cu12"
_LIBRARIES = ("libcublasLt.so.12", "libcublas.so.12")  # the second needs the first


def load() -> None:
    """Opens the libraries in their Python package's folder, where the system's loader does not look."""
    with suppress(ImportError):
        spec = find_spec("nvidia.cublas")
        for folder in spec.submodule_search_locations or () if spec else ():
            for name in _LIBRARIES:
                with suppress(OSError):
                    ctypes.CDLL(os.path.join(folder, "lib", name), ctypes.RTLD_GLOBAL)


def remedy(message: str) -> str:
    """Returns the end of a sentence with the command that installs them, if an error's `message` misses them."""
    return f"; {package_command(PACKAGE)} installs it" if "libcublas" in message else ""

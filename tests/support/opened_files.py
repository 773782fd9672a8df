"""A worker of hushd's (`ROLE ENGINE MODEL`) whose log has each path that it opens once its files are given up."""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

from hushd_worker.confinement import Confinement

OPENED = "OPENED "
_EVENTS = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir")
_close_files = Confinement.close_files


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and isinstance(arguments[0], str | bytes | os.PathLike):
        os.write(2, f"{OPENED}{os.path.abspath(os.fsdecode(arguments[0]))}\n".encode())


def _close(confinement: Confinement) -> None:
    _close_files(confinement)
    sys.addaudithook(_note)


if __name__ == "__main__":
    _, role, engine, model = sys.argv
    Confinement.close_files = _close  # type: ignore[method-assign]
    sys.argv = [sys.argv[0], "--engine", engine, "--model", model]
    runpy.run_module(f"hushd_worker_{role}", run_name="__main__")

"""chatterbox's models, made by the Python of its own environment, which knows their shapes."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from .making import CannotMake, Part

PYTHON = "HUSHD_CHATTERBOX_PYTHON"  # names it: chatterbox-tts cannot be installed beside the other engines
_SCRIPTS = Path(__file__).parents[1]
SIZES = {"english": 3_190_000_000, "multilingual": 3_210_000_000, "turbo": 3_000_000_000}


def files(scale: int, kind: str) -> list[Part]:
    """A folder as the package's `from_local` reads it. Its package has one size, so `scale` is 1."""
    if scale != 1:
        raise CannotMake("Chatterbox's models cannot be made smaller: their shapes are in its package.")
    return [Part("conds.pt", SIZES[kind], partial(_write, kind))]


def python() -> str:
    """The Python that has chatterbox.

    Raises:
        CannotMake: none is named.
    """
    path = os.environ.get(PYTHON, "")
    if not path or shutil.which(path) is None:
        raise CannotMake(
            f"Chatterbox's models are made by its own package: install it as docs/MODELS.md says, and set {PYTHON} to "
            "that environment's Python."
        )
    return path


def _write(kind: str, path: Path) -> None:
    command = [python(), "-m", "full_size.chatterbox_files", kind, str(path.parent.resolve())]
    with subprocess.Popen(
        command, cwd=_SCRIPTS, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        last = errors.strip().rpartition("\n")[2] or f"it ended with {process.returncode}"
        raise CannotMake(f"Chatterbox's package did not make its model: {last[:200]}.")

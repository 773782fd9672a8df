"""Makes a virtual environment for each peer, by pip; the bench's folder is removed at the end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

INSTALL_S = 240.0  # at most, for one


class NotInstalledError(Exception):
    """The packages cannot be installed here."""


class Environments:
    """Makes environments in a folder until a time is over; packages are asked for once."""

    def __init__(self, folder: Path, ends: float) -> None:
        self._folder = folder
        self._ends = ends

    def python(self, name: str, *packages: str) -> Path:
        """The Python of the environment `name`, which has the packages.

        Raises:
            NotInstalledError: they cannot be installed, or not in time.
        """
        folder = self._folder / name
        if not folder.exists():
            self._make(folder, packages)
        return folder / "bin" / "python"

    def _make(self, folder: Path, packages: tuple[str, ...]) -> None:
        seconds = min(INSTALL_S, self._ends - time.monotonic())
        if seconds <= 0:
            raise NotInstalledError("no time was left")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        try:
            done = subprocess.run(install, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise NotInstalledError(f"pip took more than {seconds:.0f} s") from error
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise NotInstalledError((errors or ["ERROR: pip failed"])[-1].removeprefix("ERROR: "))


def version(python: Path | str, package: str) -> str:
    """The version of a package in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

"""The user's configuration file: checks and replaces it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hushd_models import configuration
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file
from hushd_schema import toml

from hushd_cli.terminal import console


def change(path: Path, edited: Callable[[str], str]) -> None:
    """Replaces the text of the file at `path` by `edited(text)`.

    Raises:
        HushdError: `bad_request` if it cannot be read; `output_failed`; and as `edited`.
    """
    text = toml.read(path)
    new = edited(text)
    if new != text:
        replace(path, new)


def replace(path: Path, text: str) -> None:
    """Replaces or creates the file at `path` atomically; follows links, and keeps the mode.

    Raises:
        HushdError: `output_failed`.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        atomic_file.replace(target, text, mode, sync=True)
    except OSError as error:
        raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error


def checked(path: Path) -> str:
    """Checks the configuration at `path`; returns a sentence if it is valid.

    Raises:
        HushdError: with the mistake.
    """
    configuration.check(path)
    return f"{path} is fine." if path.exists() else f"{path} does not exist, so the defaults hold."


def have_it_read() -> None:
    """Tells a running supervisor to apply the configuration; its workers do at their next start."""
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False, endpoint="") as client:
            client.reload()
    except HushdError as error:
        if folder := error.detail.get("runtime"):
            console.complain(
                "A supervisor of another session runs. To have it read this: "
                f"HUSHD_RUNTIME_DIR={folder} hushd restart --config-only"
            )
        elif error.code != "no_supervisor":
            raise

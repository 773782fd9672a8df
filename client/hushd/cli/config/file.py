"""The user's configuration file: read, replaced in one step, and checked as the supervisor reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd_models import toml
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file

CHECK_S = 30.0


def read(path: Path) -> str:
    """The file's text, empty where there is none.

    Raises:
        HushdError: `bad_request`.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error


def replace(path: Path, text: str) -> None:
    """Replaces the file at `path`, made if there is none, in one step; links are followed, rights stay.

    Raises:
        HushdError: `output_failed`.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        atomic_file.replace(place, text, mode, sync=True)
    except OSError as error:
        raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error


def ask_supervisor(*words: str) -> str:
    """Returns the output of `python -m hushd_supervisor config …`.

    Raises:
        HushdError: `bad_request` with the mistake in a configuration that no supervisor starts with.
    """
    command = [sys.executable, "-P", "-m", "hushd_supervisor", "config", *words]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=CHECK_S, check=False)
    if done.returncode != 0:
        raise HushdError("bad_request", done.stderr.strip().removeprefix("hushd: ") or "The configuration is wrong.")
    return done.stdout


def have_it_read() -> None:
    """Has a running supervisor take the configuration over; its workers do when they next start."""
    from hushd.client import Client

    try:
        with Client(holder="cli", start=False, endpoint="") as client:
            client.reload()
    except HushdError as error:
        if error.code != "no_supervisor":
            raise


def written(value: Any) -> str:
    """A value as TOML has it; a table in one line."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml.key(key)} = {written(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)

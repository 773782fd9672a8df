"""The settings: `tables` declares each of them, and the other modules use the declarations.

`load` reads them, with the refusals of `reader`; `reference` lists them; `editing` changes them in the user's file;
`access` decides which programs may connect, and where.
"""

from __future__ import annotations

from pathlib import Path

from hushd_schema import toml

from .reader import Reader
from .tables import DEFAULTS, HTTP_TOKEN, HttpSettings, Settings, WorkerSettings, WyomingSettings

__all__ = ["DEFAULTS", "HTTP_TOKEN", "HttpSettings", "Settings", "WorkerSettings", "WyomingSettings", "load"]


def load(path: Path) -> Settings:
    """Returns the settings in the file at `path`; the defaults if there is none.
    Raises `bad_request`, naming the file and the key, if it cannot be read or has an error."""
    tables = toml.load(path)
    return Reader(path).read(tables) if tables else Settings()

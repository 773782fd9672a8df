"""The settings: `tables` declares each of them, and the other modules use the declarations.

`load` reads them, with the refusals of `reader`; `shown` lists them; `editing` changes them in the user's file;
`access` decides which programs may connect, and where; `reference` writes docs/CONFIGURATION.md's block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .tables import DEFAULTS, HTTP_TOKEN, HttpSettings, Settings, WorkerSettings, WyomingSettings

__all__ = ["DEFAULTS", "HTTP_TOKEN", "HttpSettings", "Settings", "WorkerSettings", "WyomingSettings", "load"]


def __getattr__(name: str) -> Any:
    """Loads the tables on first use: an agent's settings are read without the others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import tables

    return getattr(tables, name)


def load(path: Path) -> Settings:
    """Returns the settings in the file at `path`; the defaults if there is none.
    Raises `bad_request`, naming the file and the key, if it cannot be read or has an error."""
    from hushd_schema import toml

    from .tables import Settings

    tables = toml.load(path)
    if not tables:
        return Settings()
    from .reader import Reader  # lazy: a start without a file does not need it, and it would stay in memory

    return Reader(path).read(tables)

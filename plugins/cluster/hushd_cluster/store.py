"""Folders that transcripts are kept in: of a file system, or of a store of objects by fsspec.

A file appears under its name only when it is whole. Credentials are found by each library in the process that uses
the store; none is named here, passed on or logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import atomic_file

from .faults import faults, is_refusal
from .recording import PASSWORD, is_url, shown

READ_ONLY = ("http", "https", "data", "git", "github", "zip", "tar")  # schemes under which nothing is kept
_TIMES = ("LastModified", "mtime", "last_modified", "updated", "created")  # fields of a listing, by kind of store


class Store(Protocol):
    """A folder. Every method may raise `HushdError`: see `faults`."""

    def written(self, name: str) -> int | None:
        """Returns the time of a file's last change in ns since 1970; None if there is none of this name."""

    def write(self, name: str, data: bytes) -> None:
        """Writes a file whole or not at all, in place of any of this name."""

    def read(self, name: str) -> bytes | None:
        """Returns a file's bytes; None if there is none of this name."""

    def remove(self, name: str) -> None:
        """Removes a file, if there is one of this name."""


class Folder(Store):
    """A folder of a file system: the driver's, or one that all nodes have mounted at the same place."""

    def __init__(self, path: str) -> None:
        self._root = path

    def written(self, name: str) -> int | None:
        path = Path(self._root, name)
        try:
            return path.stat().st_mtime_ns if path.is_file() else None
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        path = Path(self._root, name)
        with faults(str(path), writing=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(path, data, sync=True)

    def read(self, name: str) -> bytes | None:
        with faults(self._root), suppress(FileNotFoundError):
            return Path(self._root, name).read_bytes()
        return None

    def remove(self, name: str) -> None:
        with faults(self._root, writing=True):
            Path(self._root, name).unlink(missing_ok=True)


class Objects(Store):
    """A folder of any store that fsspec knows, listed once."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._fs, root = _file_system(self._url)
        self._root = root.rstrip("/")

    def items(self) -> dict[str, int]:
        """Returns the files in it and its subfolders, but hidden ones, with the times of their last changes."""
        with faults(self._url):
            self._fs.invalidate_cache()
            found: dict[str, Any] = self._fs.find(self._root, detail=True)
        names = {path.removeprefix(self._root).strip("/"): info for path, info in found.items()}
        return {name: _written(info) for name, info in names.items() if name and "/." not in f"/{name}"}

    def written(self, name: str) -> int | None:
        return self._known.get(name)

    def write(self, name: str, data: bytes) -> None:
        with faults(f"{self._url}/{name}", writing=True):
            self._fs.pipe_file(f"{self._root}/{name}", data)

    def read(self, name: str) -> bytes | None:
        with faults(self._url), suppress(FileNotFoundError):
            return bytes(self._fs.cat_file(f"{self._root}/{name}"))
        return None

    def remove(self, name: str) -> None:
        with faults(self._url), suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")

    @cached_property
    def _known(self) -> dict[str, int]:
        try:
            return self.items()
        except FileNotFoundError:
            return {}  # nothing was written yet


def opened(place: str) -> Store:
    """Returns the folder at a path or a URL.
    Raises `engine_missing` without the library for its scheme, `bad_request` for a scheme that nobody knows or below
    which nothing can be written."""
    if path := local_path(place):
        return Folder(path)
    if place.partition(":")[0].lower() in READ_ONLY:
        raise HushdError(
            "bad_request", f"Nothing can be written to {shown(place)}: name a folder of a store, or a path."
        )
    return Objects(place)


def local_path(place: str) -> str:
    """Returns the path of a place on a file system, which may be a `file:` URL; empty of other URLs."""
    if not is_url(place):
        return place
    return unquote(urlsplit(place).path) if place.lower().startswith("file:") else ""


def check(url: str) -> None:
    """Raises `bad_request` for a URL that makes no sense, or has a password, which every node and log would have."""
    try:
        urlsplit(url)
    except ValueError:  # its text has the password, if there is one
        raise HushdError("bad_request", f"{shown(url)} is not a URL.") from None
    if PASSWORD.search(url):
        raise HushdError(
            "bad_request",
            f"{shown(url)} was given with a password: leave it out, since each node finds its own credentials.",
        )


def fetched(url: str) -> bytes:
    """Returns the bytes of the file at a URL.
    Raises as `faults` says; `input_unreadable` if there is none, or the place refuses this file."""
    fs, path = _file_system(url)
    try:
        with faults(url):
            return bytes(fs.cat_file(path))
    except FileNotFoundError:
        raise HushdError("input_unreadable", f"There is no {shown(url)}.") from None
    except HushdError as error:
        if error.code == "unauthorised" and is_refusal(error.__context__):
            error.code = "input_unreadable"  # perhaps of this file alone: a store says so of one that is not there
        raise


def _file_system(url: str) -> tuple[Any, str]:
    """Returns fsspec's file system for a URL, and the path there; raises as `opened` does."""
    check(url)
    try:
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(url)
    except ImportError as error:
        scheme = urlsplit(url).scheme
        raise HushdError(
            "engine_missing", f"{scheme}:// needs a package of Python that is not installed here ({reason(error)})."
        ) from error
    except ValueError as error:
        raise HushdError("bad_request", f"{shown(url)} cannot be used ({reason(error)}).") from error
    return fs, str(path)


def _written(info: Mapping[str, Any]) -> int:
    """Returns the time of the last change in a listing's row, in ns since 1970; 0 if the store does not say."""
    time = next((info[name] for name in _TIMES if info.get(name)), 0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return int((time.timestamp() if isinstance(time, datetime) else float(time)) * 1e9)

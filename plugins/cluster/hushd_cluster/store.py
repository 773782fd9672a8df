"""Folders that every node reaches: of a store of objects by fsspec, or of a file system that the nodes share.

A file appears under its name only when it is whole. Credentials are found by each library in the process that uses
the store; none is named here, passed on or logged.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system.atomic_file import AtomicFile

from .faults import BUSY_MS, faults, is_refusal
from .recording import PASSWORD, shown

READ_ONLY = ("http", "https", "data", "git", "github", "zip", "tar")  # schemes under which nothing is kept
_TIMES = ("LastModified", "mtime", "last_modified", "updated", "created")  # of a listing, by kind of store


class Item(NamedTuple):
    """A file: its path below the store's folder, and the time of its last change in ns since 1970."""

    name: str
    written: int


class Store(ABC):
    """A folder by its URL. Every method may raise `HushdError`: see `faults`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @abstractmethod
    def items(self, below: str = "", *, times: bool = True) -> Iterator[Item]:
        """Yields the files in the folder `below` and its subfolders, without those whose path has a hidden part.

        Args:
            times: whether the times of their last changes are wanted: may be 0 without.
        """

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Writes a file whole or not at all; returns False, and leaves it alone, if there is one of this name."""

    @abstractmethod
    def replace(self, name: str, data: bytes) -> None:
        """Writes a file whole or not at all, in place of any of this name."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """Returns a file's bytes; None if there is none of this name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a file, if there is one."""


class SharedFolder(Store):
    """A folder of a file system that all nodes have mounted at the same place: `file:///mnt/corpus`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._root = path_of(url)

    def items(self, below: str = "", *, times: bool = True) -> Iterator[Item]:
        with faults(self.url):
            yield from self._walk(os.path.join(self._root, below), f"{below}/" if below else "", times)

    def create(self, name: str, data: bytes) -> bool:
        try:
            with faults(self.url, writing=True):
                self._write(name, data, lambda file: file.keep(sync=True, new=True))
        except FileExistsError:
            return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        with faults(self.url, writing=True):
            self._write(name, data, lambda file: file.keep(sync=True))

    def read(self, name: str) -> bytes | None:
        with faults(self.url), suppress(FileNotFoundError):
            return Path(self._root, name).read_bytes()
        return None

    def remove(self, name: str) -> None:
        with faults(self.url, writing=True), suppress(FileNotFoundError):
            os.unlink(os.path.join(self._root, name))

    def _write(self, name: str, data: bytes, keep: Callable[[AtomicFile], None]) -> None:
        path = os.path.join(self._root, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = AtomicFile(path)
            try:
                with open(file.descriptor, "wb", closefd=False) as output:
                    output.write(data)
            except BaseException:
                file.discard()
                raise
            keep(file)
        except FileExistsError:
            if os.path.isfile(path):
                raise
            raise OSError(errno.EISDIR, f"{name} is a folder, or is below a file") from None

    def _walk(self, folder: str, prefix: str, times: bool) -> Iterator[Item]:
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file():
                    yield Item(prefix + entry.name, entry.stat().st_mtime_ns if times else 0)
        for name in folders:
            yield from self._walk(os.path.join(folder, name), f"{prefix}{name}/", times)


class ObjectStore(Store):
    """A folder of any store that fsspec knows. A listing takes memory for its largest folder."""

    def __init__(self, url: str, fs: Any, root: str) -> None:
        super().__init__(url)
        self._fs = fs
        self._root = root.rstrip("/")

    def items(self, below: str = "", *, times: bool = True) -> Iterator[Item]:
        top = self._path(below) if below else self._root
        with faults(self.url):
            self._fs.invalidate_cache()
            for folder, folders, files in self._fs.walk(top, detail=True):
                for name in [name for name in folders if name.startswith(".")]:
                    del folders[name]
                prefix = folder.removeprefix(self._root).strip("/")
                for name, info in files.items():
                    if name and not name.startswith("."):
                        yield Item(f"{prefix}/{name}" if prefix else name, written(info))

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        try:
            with faults(self.url, writing=True):
                try:
                    self._fs.pipe_file(path, data, mode="create")
                except Exception as error:
                    if _is_refusal(error):
                        return False
                    if not _is_unknown(error):
                        raise
                    if self._fs.exists(path):  # it knows no condition
                        return False
                    self._fs.pipe_file(path, data)
        except FileExistsError:
            return False
        return True

    def replace(self, name: str, data: bytes) -> None:
        with faults(self.url, writing=True):
            self._fs.pipe_file(self._path(name), data)

    def read(self, name: str) -> bytes | None:
        with faults(self.url), suppress(FileNotFoundError):
            return bytes(self._fs.cat_file(self._path(name)))
        return None

    def remove(self, name: str) -> None:
        with faults(self.url, writing=True), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class S3Store(ObjectStore):
    """A folder of S3, or of a store that speaks like it; listed a thousand at a time, and never held whole."""

    def items(self, below: str = "", *, times: bool = True) -> Iterator[Item]:
        bucket, key, _ = self._fs.split_path(self._path(below) if below else self._root)
        start = f"{key.rstrip('/')}/" if key else ""
        drop = len(start) - (len(below) + 1 if below else 0)  # of each key
        page: Mapping[str, Any] = {"NextContinuationToken": None}
        while "NextContinuationToken" in page:
            token = page["NextContinuationToken"]
            more = {"ContinuationToken": token} if token else {}
            with faults(self.url):
                page = self._fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=start, **more)
            for each in page.get("Contents", ()):
                name = each["Key"][drop:]
                hidden = f"/{name.removeprefix(below)}".replace("//", "/")
                if not name.endswith("/") and "/." not in hidden:
                    yield Item(name, written(each))


def _is_refusal(error: Exception) -> bool:
    """Returns whether a store refused to write over a file: AWS says by which condition, others do not."""
    response = getattr(error.__cause__, "response", None) or {}
    return response.get("Error", {}).get("Code") in ("PreconditionFailed", "412")


def _is_unknown(error: Exception) -> bool:
    """Returns whether a library or its store does not know how to create a file and not replace one."""
    if isinstance(error, TypeError | ValueError | NotImplementedError):
        return True
    return isinstance(error, OSError) and error.errno == errno.ENOSYS


@cache
def opened(url: str) -> Store:
    """Returns the folder at a URL; one object for each in a process.

    Raises:
        HushdError: `engine_missing` without the library for its scheme, `bad_request` for a scheme that nobody knows.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme == "file":
        return SharedFolder(url)
    fs, root = file_system(url)
    return (S3Store if scheme in ("s3", "s3a") else ObjectStore)(url, fs, root)


def file_system(url: str) -> tuple[Any, str]:
    """Returns fsspec's file system for a URL, and the path there; raises as `opened` does."""
    scheme = urlsplit(url).scheme
    try:
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(url)
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"{scheme}:// needs a package of Python that is not installed here ({reason(error)})."
        ) from error
    except ValueError as error:
        raise HushdError("bad_request", f"{shown(url)} cannot be used ({reason(error)}).") from error
    return fs, str(path)


def check_target(url: str) -> None:
    """Raises `bad_request` as `check` does, and for a URL below which nothing can be written."""
    check(url)
    if urlsplit(url).scheme.lower() in READ_ONLY:
        raise HushdError("bad_request", f"Nothing can be written to {shown(url)}: name a folder of a store, or a path.")


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


def path_of(url: str) -> str:
    """Returns the path of a `file:` URL."""
    return unquote(urlsplit(url).path)


def written(info: Mapping[str, Any]) -> int:
    """Returns the time of the last change in a listing's row, in ns since 1970; 0 if the store does not say."""
    time = next((info[name] for name in _TIMES if info.get(name)), 0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return int((time.timestamp() if isinstance(time, datetime) else float(time)) * 1e9)


def _size(fs: Any, place: str) -> int | None:
    """Returns the bytes of a file, None if unknown; raises the library's error."""
    try:
        size = fs.info(place).get("size")
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is None or urlsplit(place).scheme not in ("http", "https") or getattr(cause, "status", None) == 404:
            raise
        raise cause from None  # of HTTP, fsspec calls all failures so, those of a busy server too
    return None if size is None else int(size)


def fetched(url: str, path: Path) -> None:
    """Copies a file from a URL to `path`, whole.

    Raises:
        FileNotFoundError: if there is none.
        HushdError: as `faults` says; `input_unreadable` if the place refuses this file.
    """
    fs, place = file_system(url)
    try:
        with faults(url):
            size = _size(fs, place)
            fs.get_file(place, os.fspath(path))
    except HushdError as error:
        if error.code == "unauthorised" and is_refusal(error.__context__):
            error.code = "input_unreadable"  # perhaps of this file alone: a store says so of one that is not there
        raise
    if size is not None and path.stat().st_size != size:
        raise HushdError(
            "server_busy", f"{shown(url)} came with {path.stat().st_size} of its {size} bytes.", retry_after_ms=BUSY_MS
        )

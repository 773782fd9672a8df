"""Files that cannot be written: every call on those below a folder fails from a certain moment on."""

from __future__ import annotations

import builtins
import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("mkdir", "rename", "replace", "symlink", "link", "mkfifo")
_AWAY = ("unlink", "remove", "rmdir")
_OPENED = ("write", "pwrite", "fsync", "ftruncate")
# The calls that fail, by error. A server of files may tell only at the end of one that was written.
ERRORS = {
    errno.ENOSPC: ("open", *_NAMES, *_OPENED),
    errno.EDQUOT: ("open", *_NAMES, *_OPENED, "close"),
    errno.EIO: ("open", *_NAMES, *_AWAY, *_OPENED, "fchmod", "close"),
    errno.EROFS: ("open", *_NAMES, *_AWAY, "ftruncate", "fchmod"),
    errno.EACCES: ("open", *_NAMES, *_AWAY),
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _path(descriptor: int) -> str:
    """The file's; empty for a pipe, which is on no disk."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""


class FailingFiles:
    """Has calls on files below `folder` fail with `error`: the `moment`-th of those that may, and all after it.

    Attributes:
        struck: whether a call has failed.
        named: the files that were to be made or changed, as far as that came.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, error: int, moment: int) -> None:
        self._folder = os.path.realpath(folder)
        self._error = error
        self._left = moment
        self._changed: dict[int, str] = {}  # the files through whose descriptors something was written
        self.struck = False
        self.named: set[str] = set()
        for name in (*_NAMES, *_AWAY, *_OPENED, "fchmod", "close"):
            patch.setattr(os, name, self._failing(name, getattr(os, name)))
        patch.setattr(os, "open", self._failing_open(os.open))
        opened = self._failing_file(io.open)
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)

    def strike(self, call: str, target: Any) -> None:
        """Fails, where it is time."""
        if call not in ERRORS[self._error] or not self._is_below(target):
            return
        if not isinstance(target, int):
            self.named.add(os.path.relpath(target, self._folder))
        if self._left:
            self._left -= 1
            return
        self.struck = True
        raise OSError(self._error, os.strerror(self._error), os.fspath(target) if not isinstance(target, int) else None)

    def _is_below(self, target: Any) -> bool:
        path = _path(target) if isinstance(target, int) else os.path.abspath(target)
        return os.path.join(os.path.realpath(os.path.dirname(path)), "").startswith(os.path.join(self._folder, ""))

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(target: Any, *arguments: Any, **options: Any) -> Any:
            if name in _OPENED:
                self._changed[target] = _path(target)
            if name == "close":
                try:
                    if self._changed.pop(target, "") == _path(target):
                        self.strike(name, target)
                finally:
                    real(target)
                return None
            # A name is changed where the new one is.
            self.strike(name, arguments[0] if name in ("rename", "replace", "symlink", "link") else target)
            return real(target, *arguments, **options)

        return call

    def _failing_open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            if flags & _WRITES and options.get("dir_fd") is None:
                self.strike("open", os.path.join(path, "x") if flags & os.O_DIRECTORY else path)
            return real(path, flags, *arguments, **options)

        return call

    def _failing_file(self, real: Callable[..., Any]) -> Callable[..., Any]:
        files = self

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                files.strike("write", self.fileno())
                return super().write(data)

            def truncate(self, size: int | None = None) -> int:
                files.strike("ftruncate", self.fileno())
                return super().truncate(size)

        def call(
            file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
            newline: str | None = None, closefd: bool = True, opener: Any = None,
        ) -> Any:  # fmt: skip
            if not set(mode) & set("wax+"):
                return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
            raw = Raw(
                file if isinstance(file, int) else os.fspath(file),
                mode.replace("b", "").replace("t", ""),
                closefd,
                opener or (lambda path, flags: os.open(path, flags, 0o666)),
            )
            if buffering == 0:
                return raw
            whole: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return whole if "b" in mode else io.TextIOWrapper(whole, encoding or "utf-8", errors, newline)

        return call

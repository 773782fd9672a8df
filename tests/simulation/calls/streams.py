"""`io`, with `open` and FileIO on simulated descriptors."""

from __future__ import annotations

import errno
import io as real_io
import os as real
from types import ModuleType
from typing import Any

from ..descriptors import File, fail
from ..importer import Module
from ..machine import Machine


def io_module(machine: Machine, os: ModuleType) -> ModuleType:
    """`io`, with `open` and FileIO on simulated descriptors."""

    class FileIO(real_io.RawIOBase):
        def __init__(self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> None:
            self.mode, self._closefd = mode, closefd
            self._process = None  # of what could not be opened nothing is closed
            if isinstance(file, int):
                self._descriptor = file
            else:
                flags = _flags(mode) | real.O_CLOEXEC
                self._descriptor = opener(file, flags) if opener else os.open(file, flags, 0o666)
            self._process, self.name = machine.current, file
            if "a" in mode:
                os.lseek(self._descriptor, 0, real.SEEK_END)

        def fileno(self) -> int:
            return self._descriptor

        def readable(self) -> bool:
            return "r" in self.mode or "+" in self.mode

        def writable(self) -> bool:
            return any(letter in self.mode for letter in "wax+")

        def seekable(self) -> bool:
            process = machine.current
            return process is not None and isinstance(process.table.get(self._descriptor), File)

        def readinto(self, buffer: Any) -> int:
            data = os.read(self._descriptor, len(buffer))
            buffer[: len(data)] = data
            return len(data)

        def write(self, data: Any) -> int:
            return int(os.write(self._descriptor, data))

        def seek(self, offset: int, whence: int = 0) -> int:
            if not self.seekable():
                raise fail(errno.ESPIPE)
            return int(os.lseek(self._descriptor, offset, whence))

        def tell(self) -> int:
            return self.seek(0, 1)

        def close(self) -> None:
            if self.closed:
                return
            super().close()
            if self._closefd and self._process is not None and self._process is machine.current:
                os.close(self._descriptor)
            elif self._closefd and self._process is not None and self._process.living:
                self._process.close(self._descriptor)

    def open_(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
        newline: str | None = None, closefd: bool = True, opener: Any = None,
    ) -> Any:  # fmt: skip
        if machine.current is None:
            return open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = FileIO(
            file if isinstance(file, int) else real.fspath(file),
            mode.replace("b", "").replace("t", ""),
            closefd,
            opener,
        )
        if buffering == 0:
            return raw
        if "+" in mode:
            buffered: Any = real_io.BufferedRandom(raw)
        elif raw.writable():
            buffered = real_io.BufferedWriter(raw)
        else:
            buffered = real_io.BufferedReader(raw)
        if "b" in mode:
            return buffered
        return real_io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

    return Module("io", real_io, FileIO=FileIO, open=open_)


def _flags(mode: str) -> int:
    plus = "+" in mode
    if "r" in mode:
        return real.O_RDWR if plus else real.O_RDONLY
    flags = real.O_RDWR if plus else real.O_WRONLY
    flags |= real.O_CREAT
    if "w" in mode:
        flags |= real.O_TRUNC
    elif "x" in mode:
        flags |= real.O_EXCL
    elif "a" in mode:
        flags |= real.O_APPEND
    return flags

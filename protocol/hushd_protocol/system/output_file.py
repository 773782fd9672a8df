"""Files that appear under their names only once they are complete; pipes and devices are written directly."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from contextlib import suppress

from hushd_protocol.errors import HushdError

from .atomic_file import AtomicFile

STANDARD_OUTPUT = 1

# Names of open descriptors: opening them again would lose the position, and replacing them would lose the file.
_OPEN = r"/dev/std(?P<standard>out|err)|(?:/dev|/proc/self)/fd/(?P<number>[0-9]+)"


def check_folder(file: str) -> None:
    """Raises `output_failed` where the folder of a file to be written is missing."""
    if not os.path.isdir(folder := os.path.dirname(file) or "."):
        raise HushdError("output_failed", f"{file!r} cannot be written: there is no folder {folder!r}.")


class OutputFile:
    """An output, as a context manager: kept when the block succeeds, removed when it fails.

    A regular file is written under another name beside its target and renamed at the end, so that it never appears
    half-written, and a failure leaves the old file. Its mode is the umask's, or that of the file it replaces. A pipe, a
    device or standard output is written directly and in order: a correction of bytes that were already sent is dropped,
    unless standard output is a regular file.
    Raises `output_failed` when it cannot be made or written; BrokenPipeError passes unchanged.

    Args:
        path: the target; a descriptor (`STANDARD_OUTPUT`) is written to but never closed.
    """

    def __init__(self, path: str | os.PathLike[str] | int) -> None:
        path = _already_open(path)
        self._name = "Standard output" if isinstance(path, int) else path
        self._whole: AtomicFile | None = None  # stands for a regular file
        self._start: int | None = 0  # offset of the file in the descriptor; None if nothing can be corrected
        self.size = 0  # bytes written so far, without corrections
        try:
            if isinstance(path, int):
                self._descriptor = os.dup(path)
                self._start = _correctable(path)
            else:
                self._open(path)
        except OSError as error:
            raise self._failure(error) from error

    @property
    def is_terminal(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: bytes, offset: int | None = None) -> None:
        """Appends `data`, or writes it at `offset` (bytes from the start)."""
        position = self.size if offset is None else offset
        view = memoryview(data)
        if self._start is None and position < self.size:  # earlier bytes were sent: only the rest is new
            view, position = view[self.size - position :], self.size
        try:
            while view:
                if self._start is None:
                    written = os.write(self._descriptor, view)
                else:
                    written = os.pwrite(self._descriptor, view, self._start + position)
                view, position = view[written:], position + written
        except OSError as error:
            raise self._failure(error) from error
        self.size = max(self.size, position)

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.keep()
        else:
            self.discard()

    def keep(self) -> None:
        """Closes the output and gives it its name."""
        try:
            if self._whole is not None:
                self._whole.keep()
                return
            if self._start is not None:
                # Programs that write after us begin there.
                os.lseek(self._descriptor, self._start + self.size, os.SEEK_SET)
            os.close(self._descriptor)
        except OSError as error:
            raise self._failure(error) from error

    def discard(self) -> None:
        """Closes the output and leaves nothing behind."""
        if self._whole is not None:
            self._whole.discard()
        else:
            with suppress(OSError):  # an earlier failure is more important
                os.close(self._descriptor)

    def _open(self, path: str) -> None:
        try:
            info = os.stat(path)
        except FileNotFoundError:
            info = None
        if info and not stat.S_ISREG(info.st_mode):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
            self._start = None
            return
        # A link stays a link.
        self._whole = AtomicFile(os.path.realpath(path), stat.S_IMODE(info.st_mode) if info else None)
        self._descriptor = self._whole.descriptor

    def _failure(self, error: OSError) -> Exception:
        if isinstance(error, BrokenPipeError):
            return error
        return HushdError("output_failed", f"{self._name} cannot be written ({error.strerror}).")


def _already_open(path: str | os.PathLike[str] | int) -> str | int:
    if isinstance(path, int):
        return path
    match = re.fullmatch(_OPEN, os.fspath(path))
    if match is None:
        return os.fspath(path)
    return int(match["number"]) if match["number"] else {"out": 1, "err": 2}[match["standard"]]


def _correctable(descriptor: int) -> int | None:
    """The position in a regular file; None if writes append, or for anything else."""
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode) or fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
        return None
    return os.lseek(descriptor, 0, os.SEEK_CUR)

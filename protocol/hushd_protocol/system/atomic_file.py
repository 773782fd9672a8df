"""Files that appear under their names only once they are complete: readers find old or new content, never half.

And small files shared by several short processes, each of which reads a file and writes it back under a lock.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from . import best_effort

_PREFIX, _SUFFIX = ".hushd-", ".part"
_swept: set[str] = set()  # folders, swept once in each process


class AtomicFile:
    """A file that is written beside `path` under another name; end it with exactly one of `keep` and `discard`.

    If its process is killed, the next process that makes a file in the folder removes the remains. A lock, held from
    beginning to end, tells a living writer's file from a dead one's, even across containers.
    Raises OSError from every method.

    Args:
        path: the target; a link is replaced, so a caller that wants to write through a link resolves it first.
        mode: the file's mode; None to follow the caller's umask.
    """

    def __init__(self, path: str | os.PathLike[str], mode: int | None = None) -> None:
        self._path = os.fspath(path)
        folder, name = os.path.split(self._path)
        _sweep_once(folder or ".")
        start = os.path.join(folder, f"{_PREFIX}{name[:50]}")  # the name and what follows have 255 bytes at most
        while not self._opened(f"{start}.{os.urandom(4).hex()}{_SUFFIX}", mode):
            os.close(self.descriptor)  # another process swept it before it was locked

    def keep(self, sync: bool = False) -> None:
        """Closes the file and gives it its name; with `sync`, its content and its name survive a power failure."""
        try:
            held = os.dup(self.descriptor)  # keeps the lock, too
        except BaseException:
            self.discard()
            raise
        try:
            try:
                if sync:
                    os.fsync(self.descriptor)
            finally:
                os.close(self.descriptor)  # a network file system may report only here that it is full
            os.rename(self._temporary, self._path)
            if sync:
                _sync_folder(os.path.dirname(self._path) or ".")  # the name is in the folder, not in the file
        except BaseException:
            self._unlink()
            raise
        finally:
            os.close(held)

    def discard(self) -> None:
        """Closes the file and leaves nothing behind."""
        _close(self.descriptor)
        self._unlink()

    def _opened(self, temporary: str, mode: int | None) -> bool:
        """Creates and locks the file; returns whether it still has its name."""
        self._temporary = temporary
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
        try:
            lock(self.descriptor, fcntl.LOCK_EX)
            # Not if the umask has left it as it is to be: a confined worker may not change it.
            if mode is not None and stat.S_IMODE(os.fstat(self.descriptor).st_mode) != mode:
                os.fchmod(self.descriptor, mode)
            return os.path.lexists(temporary)
        except BaseException:  # Ctrl-C, too
            self.discard()
            raise

    def _unlink(self) -> None:
        try:
            os.unlink(self._temporary)
        except OSError:
            pass  # the folder itself may be gone


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync no folders
            raise
    finally:
        os.close(descriptor)


def _close(descriptor: int) -> None:
    """Closes an unwanted file, ignoring errors such as a full disk."""
    try:
        os.close(descriptor)
    except OSError:
        pass


def sweep(folder: str | os.PathLike[str], prefix: str = _PREFIX, suffix: str = _SUFFIX) -> None:
    """Removes the files in `folder` that this user's dead processes have left: by default those half-written.
    A file whose time of change is still to come stays until then."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(prefix) and name.endswith(suffix):
            remove_if_dead(os.path.join(folder, name))


def _sweep_once(folder: str) -> None:
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def remove_if_dead(path: str) -> None:
    try:
        # A lock needs a descriptor for writing on NFS; links are not followed, and pipes not waited for.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        is_due = status.st_mtime <= time.time()
        if (
            is_ours
            and is_due
            and lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            and os.path.samestat(status, os.lstat(path))
        ):
            os.unlink(path)
    except OSError:
        pass  # another process was faster
    finally:
        _close(descriptor)


def lock(descriptor: int, kind: int) -> bool:
    """Locks the file; returns False if another process has it, or its file system has no locks."""
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        return False
    return True


def read_regular(path: Path, most: int) -> bytes:
    """Returns the first `most` bytes of a regular file. Raises OSError for a link, a pipe or a device, on which a
    reader might wait for ever: for files in a folder to which a process writes that may have been taken over."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return os.read(descriptor, most)
    finally:
        os.close(descriptor)


def replace(path: Path, content: str | bytes, mode: int | None = None, sync: bool = False) -> None:
    """Writes all of `content`, or nothing, to `path`, text as UTF-8; see `AtomicFile`."""
    new = AtomicFile(path, mode)
    try:
        with open(new.descriptor, "wb", closefd=False) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except BaseException:
        new.discard()
        raise
    new.keep(sync)


# --- shared files ---


Content = TypeVar("Content")  # a dataclass


@contextmanager
def edited(
    path: str | os.PathLike[str], max_bytes: int, content: Content, parse: Callable[[Any], Content]
) -> Iterator[Content]:
    """Yields the content of a file private to the user, and writes it back at the end if it has changed.

    Nothing is saved if the file cannot be opened or belongs to another user, or the disk is full.

    Args:
        max_bytes: how many bytes of it are read.
        content: the content of a file that `parse` cannot read, such as a new one.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        best_effort.failed(path, error)
        yield content
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            yield content
            return
        lock(descriptor, fcntl.LOCK_EX)
        old_content = b""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            old_content = os.pread(descriptor, max_bytes, 0)
            content = parse(json.loads(old_content))
        yield content
        new_content = json.dumps(content, default=asdict).encode()
        if new_content != old_content:
            with best_effort.writing(path):
                os.ftruncate(descriptor, os.pwrite(descriptor, new_content, 0))
    finally:
        with best_effort.writing(path):  # a failing disk may only report it now
            os.close(descriptor)

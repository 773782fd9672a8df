"""Files that appear under their names only once they are whole: readers find the old content or the new, never half."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError

_PREFIX, _SUFFIX = ".hushd-", ".part"
_swept: set[str] = set()  # folders, each once a process


class AtomicFile:
    """A file that is written beside `path` under another name; exactly one of `keep` and `discard` must follow.

    What SIGKILL leaves of it is removed by the next process that makes a file in the same folder. A lock, held from the
    first moment to the last, tells a living writer's file from a dead one's, in whichever container either lives.

    Args:
        path: the target; a link is replaced, so a caller that wants to write through it resolves it first.
        mode: the file's; None for the one that the caller's umask gives.

    Attributes:
        descriptor: open for writing.

    Raises:
        OSError: from every method.
    """

    def __init__(self, path: str | os.PathLike[str], mode: int | None = None) -> None:
        self._path = os.fspath(path)
        folder, name = os.path.split(self._path)
        _sweep_once(folder or ".")
        start = os.path.join(folder, f"{_PREFIX}{name[:200]}")
        while not self._opened(f"{start}.{os.urandom(4).hex()}{_SUFFIX}", mode):
            os.close(self.descriptor)  # swept before it was locked

    def keep(self, sync: bool = False) -> None:
        """Closes the file and gives it its name; with `sync` its content survives a loss of power."""
        try:
            held = os.dup(self.descriptor)  # and the lock with it
        except BaseException:
            self.discard()
            raise
        try:
            try:
                if sync:
                    os.fsync(self.descriptor)
            finally:
                os.close(self.descriptor)  # a file on a server may report only here that it is full
            os.rename(self._temporary, self._path)
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
        """Makes and locks the file; returns whether it still has its name."""
        self._temporary = temporary
        self.descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            lock(self.descriptor, fcntl.LOCK_EX)
            if mode is not None:
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


def _close(descriptor: int) -> None:
    """Closes a file that nobody wants, and so not to know either whether it was full."""
    try:
        os.close(descriptor)
    except OSError:
        pass


def sweep(folder: str | os.PathLike[str]) -> None:
    """Removes the files that this user's dead processes have left half-written in `folder`."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            remove_if_dead(os.path.join(folder, name))


def _sweep_once(folder: str) -> None:
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def remove_if_dead(path: str) -> None:
    try:
        # For writing, which a lock needs on NFS; neither a link nor a pipe is waited for or followed.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if ours and lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB) and os.path.samestat(status, os.lstat(path)):
            os.unlink(path)
    except OSError:
        pass  # another process was faster
    finally:
        _close(descriptor)


def lock(descriptor: int, kind: int) -> bool:
    """Locks the file; returns False where it cannot: it is another's, or its file system has no locks."""
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        return False
    return True


@contextmanager
def locked_folder(folder: Path, mode: int = 0o777) -> Iterator[int]:
    """Makes a folder where there is none, and lets one process at a time change its files; yields its descriptor.

    Raises:
        HushdError: `output_failed` for one that cannot be made or opened.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise HushdError("output_failed", f"{folder} cannot be made ({error.strerror}).") from error
    try:
        lock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def replace(path: Path, content: str | bytes, mode: int | None = None, sync: bool = False) -> None:
    """Writes `content`, text as UTF-8, to `path` as a whole or not at all; see `AtomicFile`."""
    new = AtomicFile(path, mode)
    try:
        with open(new.descriptor, "wb", closefd=False) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except BaseException:
        new.discard()
        raise
    new.keep(sync)

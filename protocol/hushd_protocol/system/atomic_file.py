"""Files that appear under their names only once they are whole: readers find the old content or the new, never half."""

from __future__ import annotations

import os
from pathlib import Path


class AtomicFile:
    """A file that is written beside `path` under another name; exactly one of `keep` and `discard` must follow.

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
        # `hushd models prune` removes what a crash has left under such names.
        self._temporary = os.path.join(folder, f".hushd-{name[:200]}.{os.urandom(4).hex()}")
        self.descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        if mode is not None:
            os.fchmod(self.descriptor, mode)

    def keep(self, sync: bool = False) -> None:
        """Closes the file and gives it its name; with `sync` its content survives a loss of power."""
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

    def discard(self) -> None:
        """Closes the file and leaves nothing behind."""
        os.close(self.descriptor)
        self._unlink()

    def _unlink(self) -> None:
        try:
            os.unlink(self._temporary)
        except OSError:
            pass  # the folder itself may be gone


def replace(path: Path, text: str, mode: int | None = None, sync: bool = False) -> None:
    """Writes `text` to `path` as a whole or not at all; see `AtomicFile`."""
    new = AtomicFile(path, mode)
    try:
        with open(new.descriptor, "w", encoding="utf-8", newline="", closefd=False) as file:
            file.write(text)
    except BaseException:
        new.discard()
        raise
    new.keep(sync)

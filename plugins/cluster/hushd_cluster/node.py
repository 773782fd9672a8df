"""Helpers for Ray processes, which are clients of their machine's supervisor."""

from __future__ import annotations

import errno
import mmap
import os
import pickle
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError

from . import scratch

HOLDER = "ray"  # these clients' name in `hushd status`


def prepare() -> None:
    """Removes the variables that Ray set for this process, since a supervisor started from here would inherit them.

    Ray limits a task's threads to its CPUs and hides graphics cards; but the engines run in the supervisor's workers,
    which share the whole machine.
    """
    os.environ.pop("OMP_NUM_THREADS", None)
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        del os.environ["CUDA_VISIBLE_DEVICES"]


def size_of(path: str | os.PathLike[str]) -> int:
    """Returns the bytes of a file that can be read.

    Raises:
        OSError: it cannot, is empty, or is not a file: a pipe would be waited for.
        ValueError: no file can have this name.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    if status.st_size == 0:
        raise OSError(errno.EINVAL, "it is empty")
    return status.st_size


def mapped(path: str | os.PathLike[str]) -> pickle.PickleBuffer:
    """Returns a mapped file's bytes, which Ray's object store copies from the page cache without using heap memory."""
    with open(path, "rb") as file:
        return pickle.PickleBuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def as_file(data: bytes | memoryview, name: str = "The recording") -> Iterator[Path]:
    """Makes a temporary file with `data`: a worker opens it by path, and may seek in it.

    It is removed at the end, or if this process is killed, before the next one is made.

    Args:
        name: replaces the path in errors, since the sender does not know the path.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(scratch.folder()) / "recording"
            path.write_bytes(data)
        except OSError as error:
            raise HushdError(
                "output_failed", f"{name} cannot be stored ({error.strerror}): make room in the temporary folder."
            ) from error
        with named(path, name):
            yield path


@contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Replaces a path in errors of the block by a name, since the sender does not know the path."""
    try:
        yield
    except HushdError as error:
        error.message = error.message.replace(repr(str(path)), name).replace(str(path), name)
        raise

"""Small files that several short processes keep together: each reads one and writes it back while nobody else does."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from hushd_protocol.light_dataclass import values

from . import atomic_file, best_effort

Content = TypeVar("Content")  # a dataclass


@contextmanager
def edited(
    path: str | os.PathLike[str], largest: int, content: Content, parse: Callable[[Any], Content]
) -> Iterator[Content]:
    """Yields the content of a file of the user's alone, and writes it back at the end, where it has changed.

    Nothing is remembered where the file cannot be opened, is another's, or the disk is full.

    Args:
        largest: bytes that are read of it.
        content: that of a file that `parse` does not understand, such as a new one.
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
        atomic_file.lock(descriptor, fcntl.LOCK_EX)
        before = b""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            before = os.pread(descriptor, largest, 0)
            content = parse(json.loads(before))
        yield content
        after = json.dumps(content, default=values).encode()
        if after != before:
            with best_effort.writing(path):
                os.ftruncate(descriptor, os.pwrite(descriptor, after, 0))
    finally:
        with best_effort.writing(path):  # a disk that fails may tell so only now
            os.close(descriptor)

"""Small files shared by several short processes: each reads a file and writes it back under a lock."""

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
        atomic_file.lock(descriptor, fcntl.LOCK_EX)
        old_content = b""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            old_content = os.pread(descriptor, max_bytes, 0)
            content = parse(json.loads(old_content))
        yield content
        new_content = json.dumps(content, default=values).encode()
        if new_content != old_content:
            with best_effort.writing(path):
                os.ftruncate(descriptor, os.pwrite(descriptor, new_content, 0))
    finally:
        with best_effort.writing(path):  # a failing disk may only report it now
            os.close(descriptor)

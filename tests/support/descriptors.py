"""Open descriptors, for tests in which nothing may leave or inherit one."""

from __future__ import annotations

import gc
import os
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def open_descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))


def settled_descriptors() -> set[str]:
    """The open descriptors before a test opens its own: what other tests left for the collector is closed first.

    A thread of another test may still close its own later, so a test asserts that there are no more than these.
    """
    gc.collect()
    return open_descriptors()


def open_files() -> Counter[tuple[int, int]]:
    """Returns how often this process has each file open, by device and inode.

    A number that a thread of another test gives back is another file's at once; this counts what a test opens.
    """
    gc.collect()
    files: Counter[tuple[int, int]] = Counter()
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # that of the listing itself
            info = os.fstat(int(name))
            files[info.st_dev, info.st_ino] += 1
    return files


@contextmanager
def none_left() -> Iterator[None]:
    """This process gets no other descriptor meanwhile: all are taken."""
    os.close(free := os.dup(0))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def targets(pid: int) -> set[str]:
    """Returns what the descriptors of a process lead to, without those that it closes meanwhile."""
    links = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return links

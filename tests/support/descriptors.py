"""Open descriptors, for tests in which nothing may leave or inherit one."""

from __future__ import annotations

import gc
import os
from contextlib import suppress


def open_descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))


def settled_descriptors() -> set[str]:
    """The open descriptors before a test opens its own: what other tests left for the collector is closed first.

    A thread of another test may still close its own later, so a test asserts that there are no more than these.
    """
    gc.collect()
    return open_descriptors()


def targets(pid: int) -> set[str]:
    """Returns what the descriptors of a process lead to, without those that it closes meanwhile."""
    links = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return links

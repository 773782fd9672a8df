"""What this process costs, and how to give back what it only holds on to."""

from __future__ import annotations

import os

PAGE = os.sysconf("SC_PAGE_SIZE")


def rss() -> int:
    """This process's resident set in bytes, 0 where the system does not tell: quick, 0.01 ms, where `pss` takes 1."""
    try:
        descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, 100).split()[1]) * PAGE
    finally:
        os.close(descriptor)


def pss() -> int:
    """This process's proportional set size in bytes, 0 where the system does not tell."""
    try:
        with open("/proc/self/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def trim() -> None:
    """Asks glibc for the free pages of its heaps, which it otherwise keeps; elsewhere nothing happens.

    Measured with hibari: 190 to 160 MB after the load, 280 to 169 MB after a long text, in 4 ms.
    """
    import ctypes  # 1 ms that only a resting worker spends

    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass

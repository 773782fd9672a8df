"""The disk's part in a start."""

from __future__ import annotations

_WORTH_A_WORD = 0.1  # of the model's files: what is less was not what took the time


def waited(read: float, size: float) -> bool:
    """Returns whether a worker's start waited for the disk.

    Args:
        read: bytes that came from disks; code and libraries are among them, and so it may be more than `size`.
        size: bytes of its model's files.
    """
    return read > _WORTH_A_WORD * size


def sentence(read: float, size: float) -> str:
    """The same in words; takes the same."""
    megabytes = f"{size / 1e6:.0f} MB"
    if not waited(read, size):
        return f"The disk had no part in it: the system had the model's {megabytes} in memory."
    return (
        f"It waited for the disk, from which {read / 1e6:.0f} MB came; the model's files have {megabytes}. The next "
        "start finds them in memory, unless other programs need it meanwhile."
    )

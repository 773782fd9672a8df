"""Gives up this process's access to all files but those named, to the network and to other processes: Landlock.

https://docs.kernel.org/userspace-api/landlock.html. A restriction is inherited by children and cannot be lifted. It is
that of the calling thread and of those that it starts, so a process calls `restrict` before it has others.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38  # option of prctl

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_RIGHTS = (1 << 13) - 1  # all rights of the first version
_ADDED = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}  # rights that each version adds
_TCP = 0b11  # rights to bind and to connect, since version 4
_SCOPES = 0b11  # abstract sockets and signals of others, since version 6

_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER | _TRUNCATE
_DEVICE = _READ | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_pinned: list[int] = []  # files of /proc, whose rules would be lost with the kernel's entry for them


def version() -> int:
    """Returns the version of Landlock that this kernel has; 0 if it has none, or does not allow it."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION)) if sys.platform == "linux" else 0


def restrict(
    readable: Iterable[str | Path],
    writable: Iterable[str | Path] = (),
    devices: Iterable[str | Path] = (),
    *,
    tcp: bool = False,
    programs: bool = False,
) -> int:
    """Restricts this thread, and all that it starts; returns the version of Landlock, 0 if nothing was restricted.

    Signals and abstract sockets reach nobody outside since version 6, and TCP since version 4. What is missing is left
    out. Raises OSError if the kernel refuses.

    Args:
        readable, writable: files, and folders with all below them; what is writable can be read, too.
        devices: the same, whose ioctl are allowed.
        tcp: whether connections remain.
        programs: whether what is readable can be executed.
    """
    if not (known := version()):
        return 0
    rights = _FIRST_RIGHTS | sum(right for since, right in _ADDED.items() if known >= since)
    attributes = struct.pack("=QQQ", rights, 0 if tcp or known < 4 else _TCP, _SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _checked(_CREATE_RULESET, attributes[:size], size, 0)
    read = _READ | (_EXECUTE if programs else 0)
    try:
        for paths, granted in ((readable, read), (writable, _WRITE), (devices, _DEVICE)):
            for path in paths:
                with contextlib.suppress(OSError):
                    _allow(ruleset, path, granted & rights)
        no_new_privileges()
        _checked(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def no_new_privileges() -> None:
    """Gives up privileges that programs with set-user-ID would bring. Raises OSError."""
    if libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _allow(ruleset: int, path: str | Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _OF_A_FILE
        _checked(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        if str(path).startswith("/proc/"):
            _pinned.append(descriptor)
        else:
            os.close(descriptor)


def _checked(number: int, *arguments: int | bytes | None) -> int:
    result = _call(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result


def _call(number: int, *arguments: int | bytes | None) -> int:
    words = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    result: int = libc().syscall(ctypes.c_long(number), *words)
    return result


@cache
def libc() -> Any:
    """Returns the C library, whose functions set ctypes' errno."""
    return ctypes.CDLL(None, use_errno=True)

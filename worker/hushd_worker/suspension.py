"""Suspends a process's use of its card, and restores it: `python -m hushd_worker.suspension suspend|restore PID`.

The driver copies the process's memory of the card to the machine's, and leaves some 3 MiB (cuCheckpointProcess… of
libcuda, since driver 570 on Linux and x86-64). Measured on an H100: 4.4 GB in 2 s, and back in 1. The supervisor loads
no driver, so this program calls it, prints {"error": a clause} and ends. If suspending fails the process goes on as it
was; if that cannot be had, `lost` says so, and after a failed restore it is always so: the process must be ended.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable

from hushd_protocol.system.footprint import descendants

_LOCK_MS = 5_000  # milliseconds of patience for calls of the driver that the process makes
_RUNNING, _LOCKED = 0, 1  # values of CUprocessState; 2 is suspended, and 3 failed
_LIBRARY = "libcuda.so.1"


class Driver:
    """NVIDIA's driver, asked about one process. Each method raises OSError if it is missing, too old, or refuses."""

    def __init__(self, pid: int) -> None:
        self._pid = ctypes.c_int(pid)
        self._library = ctypes.CDLL(_LIBRARY)
        self._checked("cuInit", ctypes.c_uint(0))

    def state(self) -> int:
        state = ctypes.c_int(-1)
        self._of_process("GetState", ctypes.byref(state))
        return state.value

    def suspend(self) -> None:
        lock = (ctypes.c_uint64 * 8)(_LOCK_MS)  # its first field is the time limit
        self._of_process("Lock", ctypes.byref(lock))
        self._of_process("Checkpoint", ctypes.byref((ctypes.c_uint64 * 8)()))

    def restore(self) -> None:
        self._of_process("Restore", ctypes.byref((ctypes.c_uint64 * 16)()))
        self.unlock()

    def unlock(self) -> None:
        self._of_process("Unlock", ctypes.byref((ctypes.c_uint64 * 8)()))

    def _of_process(self, name: str, *arguments: object) -> None:
        self._checked(f"cuCheckpointProcess{name}", self._pid, *arguments)

    def _checked(self, name: str, *arguments: object) -> None:
        try:
            called: Callable[..., int] = getattr(self._library, name)
        except AttributeError as error:
            raise OSError("the driver is older than 570") from error
        if status := called(*arguments):
            raise OSError(f"{name} failed with {status}")


def suspend(pid: int) -> dict[str, object]:
    if any(map(_uses_driver, descendants(str(pid)))):
        return _answer("a child of the process uses the card, too")
    driver = None
    try:
        driver = Driver(pid)
        driver.suspend()
    except OSError as error:
        return _answer(str(error), lost=driver is not None and not _undone(driver))
    return _answer("")


def restore(pid: int) -> dict[str, object]:
    try:
        Driver(pid).restore()
    except OSError as error:
        return _answer(str(error), lost=True)
    return _answer("")


def _answer(error: str, lost: bool = False) -> dict[str, object]:
    return {"error": error, "lost": lost}


def _undone(driver: Driver) -> bool:
    """Returns whether the process runs as before."""
    try:
        if driver.state() == _LOCKED:
            driver.unlock()
        return driver.state() == _RUNNING
    except OSError:
        return False


def _uses_driver(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
            return any("libcuda.so" in line for line in maps)
    except OSError:  # it has ended
        return False


if __name__ == "__main__":
    act = {"suspend": suspend, "restore": restore}[sys.argv[1]]
    print(json.dumps(act(int(sys.argv[2]))))

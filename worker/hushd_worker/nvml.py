"""Calls six functions of NVIDIA's management library by ctypes, without a package."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence

from hushd_protocol.system.footprint import descendants

from . import pci

_NO_ATTACH = 2  # opens only requested cards, since opening a card wakes it
_UNKNOWN = 2**64 - 1  # the size of a process if the driver does not know it
_MAX_PROCESSES = 256  # of a card


class _Pci(ctypes.Structure):
    _fields_ = (
        ("legacy_id", ctypes.c_char * 16),
        *((name, ctypes.c_uint) for name in ("domain", "bus", "device", "device_id", "subsystem_id")),
        ("id", ctypes.c_char * 32),
    )


class _Memory(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ("total", "free", "used"))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("size", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class Nvml:
    """The driver of NVIDIA's cards.

    Args:
        places: the cards' places on the bus, as the kernel lists them; without any, all cards are opened, and so woken.

    Raises:
        OSError: there is no working driver.
    """

    def __init__(self, places: Sequence[str]) -> None:
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._call("nvmlInitWithFlags", ctypes.c_uint(_NO_ATTACH if places else 0))
        self._ids = [id for id in places if pci.sleeps(id) or self._there(id)] if places else self._enumerate()

    def ids(self) -> list[str]:
        return self._ids

    def api(self, id: str) -> str:
        return "cuda"

    def counts(self, id: str) -> bool:
        return True

    def asleep(self, id: str) -> bool:
        return pci.sleeps(id)

    def uuid(self, id: str) -> str:
        return "" if self.asleep(id) else self._text("nvmlDeviceGetUUID", id)

    def name(self, id: str) -> str:
        return self._text("nvmlDeviceGetName", id)

    def memory(self, id: str) -> tuple[int, int]:
        memory = _Memory()
        self._call("nvmlDeviceGetMemoryInfo", self._handle(id), ctypes.byref(memory))
        return int(memory.total), int(memory.free)

    def processes(self, id: str) -> dict[int, int]:
        """Returns the memory of the processes that use CUDA, and of those of hushd's that use Vulkan, which the library
        lists as graphics processes."""
        computing = self._running("nvmlDeviceGetComputeRunningProcesses_v3", id)
        ours = {os.getpid(), *map(int, descendants("self"))}.difference(computing)
        graphics = "nvmlDeviceGetGraphicsRunningProcesses_v3"  # missing in old drivers
        drawing = self._running(graphics, id) if ours and hasattr(self._library, graphics) else {}
        return computing | {pid: size for pid, size in drawing.items() if pid in ours}

    def _running(self, function: str, id: str) -> dict[int, int]:
        count = ctypes.c_uint(_MAX_PROCESSES)
        processes = (_Process * _MAX_PROCESSES)()
        self._call(function, self._handle(id), ctypes.byref(count), processes)
        return {int(p.pid): int(p.size) for p in processes[: count.value] if p.size != _UNKNOWN}

    def _enumerate(self) -> list[str]:
        """Returns the places of all cards, if the kernel lists none, as in some containers."""
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        return sorted(self._place(number) for number in range(count.value))

    def _place(self, number: int) -> str:
        """Returns the place of card `number` in the kernel's form, which has four digits less than the library's."""
        handle, place = ctypes.c_void_p(), _Pci()
        self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(number), ctypes.byref(handle))
        self._call("nvmlDeviceGetPciInfo_v3", handle, ctypes.byref(place))
        return f"{place.domain:04x}:{place.bus:02x}:{place.device:02x}.0"

    def _there(self, id: str) -> bool:
        """Returns whether this process may use a card; in a container only some are visible."""
        try:
            self._handle(id)
        except OSError:
            return False
        return True

    def _handle(self, id: str) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByPciBusId_v2", id.encode(), ctypes.byref(handle))
        return handle

    def _text(self, function: str, id: str) -> str:
        text = ctypes.create_string_buffer(96)
        self._call(function, self._handle(id), text, ctypes.c_uint(len(text)))
        return text.value.decode(errors="replace")

    def _call(self, function: str, *arguments: object) -> None:
        try:
            called: Callable[..., int] = getattr(self._library, function)
        except AttributeError as error:
            raise OSError(f"the driver is too old for {function}") from error
        if status := called(*arguments):
            raise OSError(f"{function} failed with {status}")

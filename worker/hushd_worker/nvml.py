"""Asks the driver of NVIDIA's cards, by ctypes.

NVIDIA's own package for the driver's management library, nvidia-ml-py, does the same with 40 ms more of imports, for
which each start on a card would wait."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

from hushd_protocol.system.graphics_cards import sleeps

_FLAGS = 0  # NVML_INIT_FLAG_NO_ATTACH lets the library list no card at all (driver 580)
_UNKNOWN_BYTES = 2**64 - 1  # the size of a process if the driver does not know it
_MAX_PROCESSES = 256  # processes of a card


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
    """The driver of NVIDIA's cards; a `card.Driver`. Raises OSError if there is none, or it fails.

    Opening the library wakes cards, so it is left alone while all cards sleep.

    Args:
        places: the cards' places on the bus, as the kernel lists them; without any, the library's list counts, as in
            some containers and under WSL.
    """

    def __init__(self, places: Sequence[str]) -> None:
        asleep = [id for id in places if sleeps(id)]
        if places and len(asleep) == len(places):
            self._ids = list(places)
            return
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._call("nvmlInitWithFlags", ctypes.c_uint(_FLAGS))
        listed = self._list()
        self._ids = [id for id in places if id in asleep or id in listed] if places else sorted(listed)

    def ids(self) -> list[str]:
        return self._ids

    def asleep(self, id: str) -> bool:
        return sleeps(id)

    def uuid(self, id: str) -> str:
        return "" if self.asleep(id) else self._text("nvmlDeviceGetUUID", id)

    def name(self, id: str) -> str:
        return self._text("nvmlDeviceGetName", id)

    def memory(self, id: str) -> tuple[int, int]:
        memory = _Memory()
        self._call("nvmlDeviceGetMemoryInfo", self._handle(id), ctypes.byref(memory))
        return int(memory.total), int(memory.free)

    def processes(self, id: str) -> dict[int, int]:
        count = ctypes.c_uint(_MAX_PROCESSES)
        processes = (_Process * _MAX_PROCESSES)()
        function = "nvmlDeviceGetComputeRunningProcesses_v3"
        self._call(function, self._handle(id), ctypes.byref(count), processes)
        return {int(p.pid): int(p.size) for p in processes[: count.value] if p.size != _UNKNOWN_BYTES}

    def _list(self) -> set[str]:
        """Returns the places of the cards that this process may use; in a container only some are visible."""
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        return set(filter(None, map(self._place, range(count.value))))

    def _place(self, number: int) -> str:
        """Returns the place of card `number` in the kernel's form, which has four digits less than the library's;
        empty if the card does not answer."""
        handle, place = ctypes.c_void_p(), _Pci()
        try:
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(number), ctypes.byref(handle))
            self._call("nvmlDeviceGetPciInfo_v3", handle, ctypes.byref(place))
        except OSError:
            return ""
        return f"{place.domain:04x}:{place.bus:02x}:{place.device:02x}.0"

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
            raise OSError(f"NVIDIA's driver is too old for {function}") from error
        if status := called(*arguments):
            raise OSError(f"{function} of NVIDIA's driver failed with {status}")

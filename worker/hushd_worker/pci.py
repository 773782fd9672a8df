"""Lists graphics cards by the kernel's sysfs, which wakes none of them."""

from __future__ import annotations

import os

_PCI = "/sys/bus/pci/devices"
_DISPLAY, _NVIDIA = "0x03", "0x10de"


def sleeps(id: str, pci: str | os.PathLike[str] = _PCI) -> bool:
    """Returns whether the kernel has switched a card off; False if it does not report that."""
    return _read(pci, id, "power", "runtime_status") in ("suspended", "suspending")


def nvidia_cards(pci: str | os.PathLike[str] = _PCI) -> list[str]:
    """Returns NVIDIA's cards, as the kernel lists them."""
    try:
        places = sorted(os.listdir(pci))
    except OSError:
        return []
    displays = (id for id in places if _read(pci, id, "class").startswith(_DISPLAY))
    return [id for id in displays if _read(pci, id, "vendor") == _NVIDIA]


def driver(id: str, pci: str | os.PathLike[str] = _PCI) -> str:
    """Returns the kernel's driver of a card; empty if none is bound to it."""
    try:
        return os.path.basename(os.readlink(os.path.join(pci, id, "driver")))
    except OSError:
        return ""


def _read(*path: str | os.PathLike[str]) -> str:
    """Returns the text of a file, empty if it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""

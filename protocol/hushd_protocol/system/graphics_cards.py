"""The graphics cards of this machine, as listed by the kernel: this module wakes no sleeping card, and imports little,
since a start on a card waits for it."""

from __future__ import annotations

import os
from typing import NamedTuple

_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_DISPLAY = "0x03"  # the class of display controllers on the PCI bus
_PCI = "/sys/bus/pci/devices"  # tests name another folder


class PciCard(NamedTuple):
    """A graphics card on the PCI bus.

    Attributes:
        place: its place on the PCI bus, such as `0000:65:00.0`.
        driver: the kernel's driver; empty while none is bound to it.
        power: `active`, `suspended`, or empty if the kernel does not report it.
    """

    place: str
    vendor: str
    driver: str = ""
    power: str = ""


def cards(pci: str | os.PathLike[str] = _PCI) -> list[PciCard]:
    """The display controllers on the PCI bus; none if the system has no list of them."""
    try:
        places = sorted(os.listdir(pci))
    except OSError:
        return []
    return [_card(pci, place) for place in places if _read(pci, place, "class").startswith(_DISPLAY)]


def nvidia(pci: str | os.PathLike[str] = _PCI) -> list[PciCard]:
    return [card for card in cards(pci) if card.vendor == "NVIDIA"]


def has_nvidia(pci: str | os.PathLike[str] = _PCI) -> bool:
    """Returns whether a card of NVIDIA's is there with its driver."""
    return any(card.driver == "nvidia" for card in nvidia(pci))


def sleeps(place: str, pci: str | os.PathLike[str] = _PCI) -> bool:
    """Returns whether the kernel has switched a card off; False if it does not report that."""
    return _read(pci, place, "power", "runtime_status") in ("suspended", "suspending")


def _card(pci: str | os.PathLike[str], place: str) -> PciCard:
    vendor, link = _read(pci, place, "vendor"), os.path.join(pci, place, "driver")
    bound = os.path.basename(os.path.realpath(link)) if os.path.islink(link) else ""
    return PciCard(place, _VENDORS.get(vendor, vendor), bound, _read(pci, place, "power", "runtime_status"))


def _read(*path: str | os.PathLike[str]) -> str:
    """Returns the text of a file, empty if it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""

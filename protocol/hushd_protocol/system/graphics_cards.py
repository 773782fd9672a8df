"""The graphics cards of this machine, by what the kernel knows of them: nothing here wakes one that sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_DISPLAY = "0x03"  # the class of display controllers on the PCI bus


@dataclass(frozen=True, slots=True)
class PciCard:
    """A card.

    Attributes:
        place: on the PCI bus, such as `0000:65:00.0`.
        driver: of the kernel; empty while none is bound to it.
        power: `active`, `suspended` or empty where the kernel does not report it.
    """

    place: str
    vendor: str
    driver: str = ""
    power: str = ""


def cards(root: Path = Path("/")) -> list[PciCard]:
    """The display controllers on the PCI bus; none where the system has no such list. `root` is for tests."""
    folder = root / "sys/bus/pci/devices"
    try:
        places = sorted(folder.iterdir())
    except OSError:
        return []
    return [_card(place) for place in places if _read(place / "class").startswith(_DISPLAY)]


def _card(place: Path) -> PciCard:
    vendor = _read(place / "vendor")
    driver = place / "driver"
    bound = driver.resolve().name if driver.exists() else ""
    return PciCard(place.name, _VENDORS.get(vendor, vendor), bound, _read(place / "power/runtime_status"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

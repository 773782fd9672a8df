"""The graphics cards of this machine, as listed by the kernel: this module wakes no sleeping card."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.light_dataclass import dataclass

_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_DISPLAY = "0x03"  # the class of display controllers on the PCI bus


@dataclass(frozen=True, slots=True)
class PciCard:
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


def cards(root: Path = Path("/")) -> list[PciCard]:
    """The display controllers on the PCI bus; none if the system has no list of them. `root` is for tests."""
    folder = root / "sys/bus/pci/devices"
    try:
        places = sorted(folder.iterdir())
    except OSError:
        return []
    return [_card(place) for place in places if _read(place / "class").startswith(_DISPLAY)]


def has_nvidia(root: Path = Path("/")) -> bool:
    """Returns whether a card of NVIDIA's is there with its driver."""
    return any(card.driver == "nvidia" for card in cards(root))


def _card(folder: Path) -> PciCard:
    vendor = _read(folder / "vendor")
    driver = folder / "driver"
    bound = driver.resolve().name if driver.exists() else ""
    return PciCard(folder.name, _VENDORS.get(vendor, vendor), bound, _read(folder / "power/runtime_status"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

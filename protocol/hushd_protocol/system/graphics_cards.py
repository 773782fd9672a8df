"""The graphics cards of this machine, by what the kernel knows of them: nothing here wakes one that sleeps."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.light_dataclass import dataclass

from . import drm

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


def kinds(root: Path = Path("/")) -> dict[str, int]:
    """The kinds of cards on which engines may compute, each with the bytes of its largest; 0 where one does not say.

    NVIDIA's sizes are its driver's to say, which is not asked.
    """
    sizes: dict[str, list[int]] = {}
    if any(card.driver == "nvidia" for card in cards(root)):
        sizes = {"cuda": [0], "vulkan": [0]}
    for vendor, size in drm.totals(str(root)).values():
        for kind in ("rocm", "vulkan") if vendor == drm.AMD and (root / "dev/kfd").exists() else ("vulkan",):
            sizes.setdefault(kind, []).append(size)
    return {kind: max(known) if all(known) else 0 for kind, known in sizes.items()}


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

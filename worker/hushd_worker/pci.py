"""Graphics cards as the kernel lists them under sysfs, which wakes none of them."""

from __future__ import annotations

from pathlib import Path

_PCI = Path("/sys/bus/pci/devices")
_DISPLAY, _NVIDIA = "0x03", "0x10de"


def sleeps(id: str, pci: Path = _PCI) -> bool:
    """Whether the kernel has switched a card off; False where it does not say."""
    try:
        return (pci / id / "power" / "runtime_status").read_text().strip() in ("suspended", "suspending")
    except OSError:
        return False


def nvidia_cards(pci: Path = _PCI) -> list[str]:
    """NVIDIA's cards, as the kernel lists them."""
    try:
        return sorted(device.name for device in pci.iterdir() if _is_nvidia(device))
    except OSError:
        return []


def _is_nvidia(device: Path) -> bool:
    try:
        return (device / "vendor").read_text().strip() == _NVIDIA and (device / "class").read_text().startswith(
            _DISPLAY
        )
    except OSError:
        return False

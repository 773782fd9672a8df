"""AMD's and Intel's graphics cards, as listed by the kernel in /sys: this module neither opens nor wakes any.

Only cards with memory of their own count. A processor's integrated graphics share the machine's memory, which is
already counted, and are seldom faster than the processor. This follows the kernel's documentation and source (amdgpu,
xe, i915), and was only tested on simulated file trees.

The supervisor reads this at each start, so this module imports little.
"""

from __future__ import annotations

import os

AMD, INTEL = "0x1002", "0x8086"
_NODE = "renderD"  # prefix of the device that compute programs open
# amdgpu has at least one of these for every card, and none for integrated graphics.
_OF_CARDS = ("mem_busy_percent", "pcie_bw")
_PCI = "sys/bus/pci/devices"
_SMALLEST_WINDOW = 20  # bit 0 of a window's possible sizes stands for 2^20 bytes
_FIRST_BUS = "0000:00:"  # Intel's integrated graphics are here, and never a card


def own_cards(root: str = "/") -> list[str]:
    """The sorted PCI bus places of the cards with memory of their own that this process may open."""
    return sorted(place for place in _places(root) if _is_card(os.path.join(root, _PCI, place)))


def is_integrated_only(vendor: str, root: str = "/") -> bool:
    """Returns whether a vendor's graphics are there and all integrated into the processor."""
    folders = [os.path.join(root, _PCI, place) for place in _places(root)]
    of_vendor = [folder for folder in folders if read(folder, "vendor") == vendor]
    return bool(of_vendor) and not any(map(_is_card, of_vendor))


def read(*path: str) -> str:
    """The text of a file, empty if it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def number_in(text: str) -> int:
    """The number in a file; 0 if it holds anything else."""
    return int(text) if text.isascii() and text.isdigit() else 0


def total_of(folder: str) -> int:
    """The memory in bytes of the card whose files are in `folder`; 0 if the kernel does not report it."""
    return number_in(read(folder, "mem_info_vram_total")) or _intel_total(folder)


def totals(root: str = "/") -> dict[str, tuple[str, int]]:
    """The vendor and the bytes of each of `own_cards`; 0 for a sleeping card, which reading would wake."""
    folders = {place: os.path.join(root, _PCI, place) for place in own_cards(root)}
    return {
        place: (read(folder, "vendor"), 0 if "suspend" in read(folder, "power/runtime_status") else total_of(folder))
        for place, folder in folders.items()
    }


def _places(root: str) -> set[str]:
    """The places of all graphics devices that this process may open; a container may only see some."""
    graphics = os.path.join(root, "sys/class/drm")
    try:
        nodes = [name for name in os.listdir(graphics) if name.startswith(_NODE)]
    except OSError:
        return set()
    usable = (node for node in nodes if os.access(os.path.join(root, "dev/dri", node), os.R_OK | os.W_OK))
    return {os.path.basename(os.path.realpath(os.path.join(graphics, node, "device"))) for node in usable}


def _is_card(folder: str) -> bool:
    vendor = read(folder, "vendor")
    if vendor == AMD:
        return any(os.path.exists(os.path.join(folder, name)) for name in _OF_CARDS)
    return vendor == INTEL and not os.path.basename(folder).startswith(_FIRST_BUS)


def _intel_total(folder: str) -> int:
    try:
        tiles = [name for name in os.listdir(folder) if name.startswith("tile") and name[4:].isdigit()]
    except OSError:
        return 0
    if total := sum(number_in(read(folder, tile, "physical_vram_size_bytes")) for tile in tiles):
        return total
    graphics = os.path.join(folder, "drm")
    names = [name for name in (os.listdir(graphics) if os.path.isdir(graphics) else ()) if name.startswith("card")]
    if total := max((number_in(read(graphics, name, "lmem_total_bytes")) for name in names), default=0):
        return total
    try:
        sizes = int(read(folder, "resource2_resize") or "0", 16)
    except ValueError:
        return 0
    return 1 << (sizes.bit_length() - 1 + _SMALLEST_WINDOW) if sizes else 0

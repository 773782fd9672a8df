"""AMD's and Intel's graphics cards, by what the kernel has written under /sys: nothing here opens or wakes one.

Only a card with memory of its own counts. A processor's own graphics share the machine's memory, which is counted
already, and are seldom faster than the processor. Read from the kernel's documentation and source (amdgpu, xe, i915),
and tried on trees of files alone.

The supervisor asks at each start, so this module imports little.
"""

from __future__ import annotations

import os

AMD, INTEL = "0x1002", "0x8086"
_NODE = "renderD"  # the name of a card's device for programs that compute begins so
# amdgpu has these for no processor's graphics, and one of them at least for every card.
_OF_CARDS = ("mem_busy_percent", "pcie_bw")
_FIRST_BUS = "0000:00:"  # where Intel's processors have their own graphics, and no card is


def own_cards(root: str = "/") -> list[str]:
    """The cards with memory of their own that this process may open, by their places on the PCI bus, in that order."""
    return sorted(place for place in _places(root) if _is_card(os.path.join(root, "sys/bus/pci/devices", place)))


def is_integrated_only(vendor: str, root: str = "/") -> bool:
    """Returns whether all graphics of a vendor are a part of the processor, and there are some."""
    folders = [os.path.join(root, "sys/bus/pci/devices", place) for place in _places(root)]
    of_vendor = [folder for folder in folders if read(folder, "vendor") == vendor]
    return bool(of_vendor) and not any(map(_is_card, of_vendor))


def read(*path: str) -> str:
    """The text of a file, empty where it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _places(root: str) -> set[str]:
    """The places of whatever draws or computes, as far as this process may open it: a container is shown only some."""
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

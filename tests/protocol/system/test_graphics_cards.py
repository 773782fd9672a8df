"""Graphics cards, as the kernel lists them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.system.graphics_cards import PciCard, cards, has_nvidia

CARDS = {
    "0000:00:02.0": ("0x030000", "0x8086", "i915", None),
    "0000:01:00.0": ("0x030200", "0x10de", "nvidia", "suspended"),
    "0000:02:00.0": ("0x038000", "0x1002", "", "active"),
    "0000:03:00.0": ("0x0300ff", "0x1234", "", None),
    "0000:04:00.0": ("0x020300", "0x10de", "nvidia", "active"),  # a card for networks
    "0000:05:00.0": None,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with several devices, one of which has just gone."""
    for place, device in CARDS.items():
        folder = tmp_path / "sys/bus/pci/devices" / place
        folder.mkdir(parents=True)
        if device:
            for name, content in zip(("class", "vendor"), device, strict=False):
                (folder / name).write_text(f"{content}\n")
            if driver := device[2]:
                (tmp_path / "drivers" / driver).mkdir(parents=True, exist_ok=True)
                (folder / "driver").symlink_to(tmp_path / "drivers" / driver)
            if power := device[3]:
                (folder / "power").mkdir()
                (folder / "power/runtime_status").write_text(f"{power}\n")
    return tmp_path


def test_display_controllers_are_cards(root: Path) -> None:
    """They come in the order of their places, with whatever the kernel says of them."""
    assert cards(root) == [
        PciCard("0000:00:02.0", "Intel", "i915"),
        PciCard("0000:01:00.0", "NVIDIA", "nvidia", "suspended"),
        PciCard("0000:02:00.0", "AMD", "", "active"),
        PciCard("0000:03:00.0", "0x1234"),
    ]


def test_a_card_of_nvidias_counts_with_its_driver(root: Path) -> None:
    """A system without a list has none."""
    assert has_nvidia(root)
    (root / "sys/bus/pci/devices/0000:01:00.0/driver").unlink()
    assert not has_nvidia(root)
    assert cards(root / "elsewhere") == []

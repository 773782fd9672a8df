"""Graphics cards, as the kernel lists them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.system.graphics_cards import PciCard, cards, has_nvidia, nvidia, sleeps

CARDS = {
    "0000:00:02.0": ("0x030000", "0x8086", "i915", None),
    "0000:01:00.0": ("0x030200", "0x10de", "nvidia", "suspended"),
    "0000:02:00.0": ("0x038000", "0x1002", "", "active"),
    "0000:03:00.0": ("0x0300ff", "0x1234", "", None),
    "0000:04:00.0": ("0x020300", "0x10de", "nvidia", "active"),  # a card for networks
    "0000:05:00.0": None,
}


@pytest.fixture
def pci(tmp_path: Path) -> Path:
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
    return tmp_path / "sys/bus/pci/devices"


def test_display_controllers_are_cards(pci: Path) -> None:
    """They come in the order of their places, with whatever the kernel says of them."""
    assert cards(pci) == [
        PciCard("0000:00:02.0", "Intel", "i915"),
        PciCard("0000:01:00.0", "NVIDIA", "nvidia", "suspended"),
        PciCard("0000:02:00.0", "AMD", "", "active"),
        PciCard("0000:03:00.0", "0x1234"),
    ]


def test_a_card_of_nvidias_counts_with_its_driver(pci: Path) -> None:
    """A system without a list has none."""
    assert has_nvidia(pci)
    (pci / "0000:01:00.0/driver").unlink()
    assert not has_nvidia(pci)
    assert [card.driver for card in nvidia(pci)] == [""]
    assert cards(pci / "elsewhere") == []


def test_runtime_status_says_whether_a_card_sleeps(tmp_path: Path) -> None:
    """The kernel writes it; a card without such a file is awake."""
    status = tmp_path / "a/power/runtime_status"
    status.parent.mkdir(parents=True)
    for word, asleep in (("suspended", True), ("suspending", True), ("active", False), ("unsupported", False)):
        status.write_text(word + "\n")
        assert sleeps("a", tmp_path) is asleep
    assert not sleeps("b", tmp_path)

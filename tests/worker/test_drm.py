"""AMD's and Intel's cards by trees of the kernel's files, as its documentation has them; no such card was ever seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_protocol.cards import Card
from hushd_protocol.system import drm as kernel
from hushd_protocol.system import graphics_cards
from hushd_worker import card, drivers, drm

GB = 10**9
RADEON, ARC, APU, UHD = "0000:03:00.0", "0000:04:00.0", "0000:0b:00.0", "0000:00:02.0"
DISCRETE = {"mem_info_vram_total": 16 * GB, "mem_info_vram_used": 3 * GB, "mem_busy_percent": 5}


class Tree:
    """A root folder with /sys, /proc and /dev."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nodes = 128
        for folder in ("sys/bus/pci/devices", "sys/class/drm", "dev/dri", "proc"):
            (root / folder).mkdir(parents=True)

    def write(self, path: str, text: object) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")

    def card(self, place: str, vendor: str, **files: object) -> None:
        """A card with its files; `tile0__x` is the file x in the folder tile0."""
        folder = f"sys/bus/pci/devices/{place}"
        for name, text in ({"vendor": vendor, "device": "0x1234"} | files).items():
            self.write(f"{folder}/{name.replace('__', '/')}", text)
        node = f"renderD{self._nodes}"
        self._nodes += 1
        (self.root / "sys/class/drm" / node).mkdir()
        (self.root / "sys/class/drm" / node / "device").symlink_to(self.root / folder)
        (self.root / "dev/dri" / node).touch()

    def node(self, number: int, place: str, gpu_id: int, **properties: int) -> None:
        """A node of the compute driver."""
        domain, bus, last = place.split(":")
        device, function = last.split(".")
        location = (int(bus, 16) << 8) | (int(device, 16) << 3) | int(function)
        known = {"simd_count": 64, "location_id": location, "domain": int(domain, 16)} | properties
        folder = f"sys/class/kfd/kfd/topology/nodes/{number}"
        self.write(f"{folder}/properties", "\n".join(f"{name} {value}" for name, value in known.items()))
        self.write(f"{folder}/gpu_id", gpu_id)

    def process(self, pid: int, *connections: str) -> None:
        """A process with connections to drivers, each with the words of its driver."""
        folder = self.root / "proc" / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fd/0").symlink_to("/dev/null")
        for number, text in enumerate(connections, 3):
            (folder / "fd" / str(number)).symlink_to("/dev/dri/renderD128")
            self.write(f"proc/{pid}/fdinfo/{number}", f"pos:\t0\n{text}")

    def driver(self) -> drm.Drm:
        return drm.Drm(str(self.root))

    def cards(self, **environment: str) -> list[Card]:
        return card.cards(self.driver(), environment)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_card_of_amds(tree: Tree) -> None:
    """Its memory is counted by the kernel, for all programs; without the compute driver it is Vulkan's alone."""
    tree.card(RADEON, "0x1002", product_name="Radeon RX 7800 XT", **DISCRETE)
    expected = Card("vulkan:0", RADEON, "Radeon RX 7800 XT", 16 * GB, 13 * GB)
    assert tree.cards() == [expected]
    tree.node(0, RADEON, 0, simd_count=0)  # the processor
    tree.node(1, RADEON, 4711)
    assert tree.cards() == [expected._replace(device="rocm:0", also="vulkan:0")]
    assert tree.cards(HIP_VISIBLE_DEVICES="-1") == []


def test_numbers_of_rocm_are_those_of_its_nodes(tree: Tree) -> None:
    """Not the order on the bus; a processor's own graphics take a number there, and do not count."""
    tree.card(RADEON, "0x1002", **DISCRETE)
    tree.card(ARC, "0x1002", **DISCRETE)
    tree.card(APU, "0x1002", mem_info_vram_total=GB // 2, mem_info_vram_used=0)
    for number, place in enumerate((APU, ARC, RADEON), 1):
        tree.node(number, place, number)
    assert [(each.device, each.id, each.also) for each in tree.cards()] == [
        ("rocm:1", ARC, "vulkan:1"),
        ("rocm:2", RADEON, "vulkan:0"),
    ]
    assert [each.id for each in tree.cards(HIP_VISIBLE_DEVICES="2,1")] == [RADEON, ARC]


@pytest.mark.parametrize(
    ("files", "total"),
    [
        ({"tile0__physical_vram_size_bytes": 8 * GB, "tile1__physical_vram_size_bytes": 4 * GB}, 12 * GB),
        ({"drm__card1__lmem_total_bytes": 6 * GB}, 6 * GB),
        ({"resource2_resize": "0000000000007f00"}, 16 << 30),  # 256 MiB to 16 GiB
    ],
    ids=["xe", "i915", "window"],
)
def test_a_card_of_intels(tree: Tree, files: dict[str, object], total: int) -> None:
    """Its size is where each driver has it; all that processes say, whose files we may read, is taken."""
    tree.card(ARC, "0x8086", **files)
    xe = f"drm-pdev:\t{ARC}\ndrm-client-id:\t7\ndrm-total-vram0:\t4 GiB\ndrm-resident-vram0:\t2 GiB"
    i915 = f"drm-pdev:\t{ARC}\ndrm-client-id:\t8\ndrm-resident-local0:\t1024 MiB\ndrm-resident-system0:\t9 GiB"
    tree.process(1, xe, xe)  # one connection, by two descriptors
    tree.process(2, i915, i915.replace("0000:04", "0000:05").replace("8", "9"))
    tree.process(3)
    assert tree.cards() == [Card("vulkan:0", ARC, "Intel 1234", total, total - (3 << 30))]


def test_a_card_whose_size_nobody_says(tree: Tree) -> None:
    """It is left out: there is nothing to count."""
    tree.card(ARC, "0x8086")
    tree.card(RADEON, "0x8086", resource2_resize="nonsense")
    assert tree.cards() == []


def test_a_processors_own_graphics_are_no_card(tree: Tree) -> None:
    """They share the machine's memory, with amdgpu and with i915."""
    tree.card(APU, "0x1002", mem_info_vram_total=GB // 2, mem_info_vram_used=0, gpu_busy_percent=1)
    tree.card(UHD, "0x8086")
    root = str(tree.root)
    assert kernel.own_cards(root) == []
    assert tree.cards() == []
    assert kernel.is_integrated_only(kernel.AMD, root)
    tree.card(RADEON, "0x1002", mem_info_vram_total=GB, pcie_bw="0 0 0")  # Vega has that file and not the other
    assert kernel.own_cards(root) == [RADEON]
    assert not kernel.is_integrated_only(kernel.AMD, root)


def test_a_card_that_may_not_be_opened_is_not_ours(tree: Tree) -> None:
    """A container sees the files of every card, and is given the devices of some."""
    tree.card(RADEON, "0x1002", **DISCRETE)
    (tree.root / "dev/dri/renderD128").unlink()
    assert kernel.own_cards(str(tree.root)) == []
    assert kernel.own_cards(str(tree.root / "nowhere")) == []
    assert not kernel.is_integrated_only(kernel.AMD, str(tree.root))


def test_kinds_of_cards(tree: Tree) -> None:
    """ROCm needs its driver, Vulkan none; a card's memory counts where every one of its kind says so."""
    assert graphics_cards.kinds(tree.root) == {}
    tree.card(APU, "0x1002", mem_info_vram_total=GB // 2, mem_info_vram_used=0)
    assert graphics_cards.kinds(tree.root) == {}
    tree.card(RADEON, "0x1002", **DISCRETE)
    assert graphics_cards.kinds(tree.root) == {"vulkan": 16 * GB}
    tree.write("dev/kfd", "")
    tree.card(ARC, "0x8086", tile0__physical_vram_size_bytes=20 * GB)
    assert graphics_cards.kinds(tree.root) == {"rocm": 16 * GB, "vulkan": 20 * GB}
    tree.write(f"sys/bus/pci/devices/{ARC}/power/runtime_status", "suspended")
    assert graphics_cards.kinds(tree.root) == {"rocm": 16 * GB, "vulkan": 0}
    tree.write("sys/bus/pci/devices/0000:65:00.0/class", "0x030000")
    tree.write("sys/bus/pci/devices/0000:65:00.0/vendor", "0x10de")
    assert "cuda" not in graphics_cards.kinds(tree.root)
    tree.write("drivers/nvidia/module", "")
    (tree.root / "sys/bus/pci/devices/0000:65:00.0/driver").symlink_to(tree.root / "drivers/nvidia")
    assert graphics_cards.kinds(tree.root) == {"cuda": 0, "rocm": 16 * GB, "vulkan": 0}


def test_a_card_that_sleeps_is_not_asked(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel has switched it off; to ask for its memory might wake it."""
    tree.card(RADEON, "0x1002", power__runtime_status="suspended", **DISCRETE)
    monkeypatch.setattr(drm.Drm, "memory", lambda *_: pytest.fail("it was woken"))
    assert tree.cards() == [Card("vulkan:0", RADEON, asleep=True)]


def test_what_this_process_takes(tree: Tree) -> None:
    """Of the card that it was given; ROCm's part is with the compute driver where the other figure is smaller."""
    tree.card(RADEON, "0x1002", **DISCRETE)
    tree.process(os.getpid(), f"drm-pdev:\t{RADEON}\ndrm-client-id:\t1\ndrm-memory-vram:\t2000 KiB")
    tree.process(1, f"drm-pdev:\t{RADEON}\ndrm-client-id:\t2\ndrm-memory-vram:\t9000 KiB")
    given = {"HUSHD_COMPUTE_CARD": RADEON, "HIP_VISIBLE_DEVICES": "-1", "CUDA_VISIBLE_DEVICES": "-1"}
    assert card.taken(tree.driver(), given) == {RADEON: 2000 << 10}
    assert card.taken(tree.driver(), given | {"HUSHD_COMPUTE_CARD": ARC}) == {}
    tree.node(1, RADEON, 4711)
    tree.write(f"sys/class/kfd/kfd/proc/{os.getpid()}/vram_4711", 5 * GB)
    assert card.taken(tree.driver(), {}) == {RADEON: 5 * GB}
    assert card.taken(tree.driver(), {"HIP_VISIBLE_DEVICES": "-1"}) == {}


@pytest.mark.parametrize(
    ("fdinfo", "size"),
    [
        ("drm-memory-vram:\t100 KiB\ndrm-memory-gtt:\t7 KiB", 100 << 10),
        ("drm-total-vram: 3 MiB\ndrm-memory-vram: 2 MiB\ndrm-resident-vram: 1 MiB", 1 << 20),
        ("drm-resident-vram0: 1 MiB\ndrm-resident-vram1: 2 MiB", 3 << 20),
        ("drm-resident-vram0: 17", 17),
        ("drm-resident-vram0: many KiB\ndrm-resident-vramx: 3\ndrm-shared-vram0: 5\nnonsense", 0),
        ("", 0),
    ],
)
def test_memory_in_a_drivers_words(fdinfo: str, size: int) -> None:
    """By region, of each the best figure; sizes have units or are bytes."""
    assert drm.memory_in(fdinfo) == size


def test_several_makers_cards(tree: Tree) -> None:
    """Each is asked of its own driver; Vulkan numbers them all, in the order of the bus."""
    other = Tree(tree.root / "other")
    tree.card(RADEON, "0x1002", **DISCRETE)
    tree.node(1, RADEON, 1)
    other.card(ARC, "0x8086", tile0__physical_vram_size_bytes=GB)
    both = drivers.Drivers([other.driver(), tree.driver()])
    assert [(each.device, each.also, each.free) for each in card.cards(both, {})] == [
        ("rocm:0", "vulkan:0", 13 * GB),
        ("vulkan:1", "", GB),
    ]
    assert card.taken(both, {"HUSHD_COMPUTE_CARD": "0000:99:00.0"}) == {}

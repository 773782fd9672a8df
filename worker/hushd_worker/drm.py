"""Measures the memory of AMD's and Intel's graphics cards by files of the kernel. Sizes are in bytes.

It was written from documentation and source, and only tested on trees of files:

- AMD: `mem_info_vram_total` and `mem_info_vram_used` count the memory of all programs (docs.kernel.org,
  gpu/amdgpu/driver-misc).
- Intel: `tile*/physical_vram_size_bytes` of xe, `lmem_total_bytes` of Intel's own builds of i915, else the largest
  window onto the card's memory, whose size is a power of two. The used memory is the sum over the processes that this
  user may read (`drm-resident-vram0` and the like in /proc/PID/fdinfo; docs.kernel.org, gpu/drm-usage-stats).
- A process's own part: its fdinfo, or for ROCm the count of the kernel's compute driver, if that is larger.
- ROCm numbers cards in the order of that driver's nodes, and so does HIP_VISIBLE_DEVICES.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from hushd_protocol.system.drm import AMD, number_in, own_cards, read, total_of
from hushd_protocol.system.footprint import descendants

from . import pci

_PCI = "sys/bus/pci/devices"
_NODES = "sys/class/kfd/kfd/topology/nodes"
_PROCESSES = "sys/class/kfd/kfd/proc"
_MEMORY = re.compile(r"drm-(resident|memory|total)-((?:vram|local)\d*):\s*(\d+)\s*(KiB|MiB|GiB|)$")
_FORMS = ("resident", "memory", "total")  # of the same figure, the best first: each driver has some of them
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_VENDORS = {AMD: "AMD"}


class Drm:
    """The kernel's drivers of AMD's and Intel's cards. `root` is the root of all files, for tests."""

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._cards = own_cards(root)
        self._nodes = _compute_nodes(root)
        self._others = [id for id in self._cards if id not in self._nodes]

    def ids(self) -> list[str]:
        """Returns the cards that ROCm counts, by its numbers, with a CPU's integrated graphics; then the others."""
        return [*self._nodes, *self._others]

    def api(self, id: str) -> str:
        return "rocm" if id in self._nodes else ""

    def counts(self, id: str) -> bool:
        return id in self._cards

    def asleep(self, id: str) -> bool:
        return pci.sleeps(id, self._at(_PCI))

    def uuid(self, id: str) -> str:
        return f"GPU-{unique}" if (unique := read(self._at(_PCI), id, "unique_id")) else ""

    def name(self, id: str) -> str:
        folder = self._at(_PCI, id)
        vendor = _VENDORS.get(read(folder, "vendor"), "Intel")
        return read(folder, "product_name") or f"{vendor} {read(folder, 'device').removeprefix('0x')}"

    def memory(self, id: str) -> tuple[int, int]:
        folder = self._at(_PCI, id)
        total = total_of(folder)
        if not total:
            raise OSError(f"the kernel does not report the memory of the card {id}")
        used = read(folder, "mem_info_vram_used")
        taken = number_in(used) if used else sum(self._taken(id, _readable(self._at("proc"))).values())
        return total, max(0, total - taken)

    def processes(self, id: str) -> dict[int, int]:
        """Returns the memory of this process and its descendants."""
        return self._taken(id, [str(os.getpid()), *descendants("self")])

    def _taken(self, id: str, pids: Iterable[str]) -> dict[int, int]:
        seen: set[str] = set()  # connections, which processes or descriptors may share
        gpu = self._nodes.get(id)
        sizes = {}
        for pid in pids:
            mapped = number_in(read(self._at(_PROCESSES, pid, f"vram_{gpu}"))) if gpu else 0
            sizes[int(pid)] = max(mapped, _of_process(self._at("proc", pid), id, seen))
        return sizes

    def _at(self, *path: str) -> str:
        return os.path.join(self._root, *path)


def memory_in(fdinfo: str) -> int:
    """Returns the card memory of a connection to a driver, as its `fdinfo` reports it."""
    sizes: dict[str, dict[str, int]] = {}  # by region, by form
    for line in fdinfo.splitlines():
        if match := _MEMORY.match(line.strip()):
            form, region, number, unit = match.groups()
            sizes.setdefault(region, {})[form] = int(number) * _UNITS[unit]
    return sum(next(size[form] for form in _FORMS if form in size) for size in sizes.values())


def _of_process(process: str, id: str, seen: set[str]) -> int:
    """Returns the memory of card `id` that a process's connections take, without those in `seen`; adds them to
    `seen`."""
    try:
        descriptors = os.listdir(os.path.join(process, "fd"))
    except OSError:  # another user's process, or one that has ended
        return 0
    taken = 0
    for number in descriptors:
        try:
            if not os.readlink(os.path.join(process, "fd", number)).startswith("/dev/dri/"):
                continue
        except OSError:
            continue
        report = read(process, "fdinfo", number)
        words = dict(line.split(":", 1) for line in report.splitlines() if ":" in line)
        client = words.get("drm-client-id", f"{process} {number}").strip()
        if words.get("drm-pdev", "").strip() == id and client not in seen:
            seen.add(client)
            taken += memory_in(report)
    return taken


def _compute_nodes(root: str) -> dict[str, str]:
    """Returns the places of ROCm's cards, in its order, each with the compute driver's number of the card."""
    folder = os.path.join(root, _NODES)
    try:
        nodes = sorted((name for name in os.listdir(folder) if name.isdigit()), key=int)
    except OSError:
        return {}
    numbers = {}
    for node in nodes:
        lines = (line.split() for line in read(folder, node, "properties").splitlines())
        known = {words[0]: number_in(words[1]) for words in lines if len(words) == 2}
        if known.get("simd_count") and "location_id" in known:  # otherwise a CPU, or a card hidden from us
            bus, function = divmod(known["location_id"], 256)
            place = f"{known.get('domain', 0):04x}:{bus:02x}:{function >> 3:02x}.{function & 7}"
            numbers[place] = read(folder, node, "gpu_id")
    return numbers


def _readable(proc: str) -> list[str]:
    return [name for name in os.listdir(proc) if name.isdigit()]

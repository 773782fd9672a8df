"""The cgroup of this process, of either version: its limits and out-of-memory kills. Sizes in bytes.

In a container the machine's memory and cores are not ours. The tightest limit of our own group and its ancestors
counts, less their usage; file cache that no process has mapped counts as free, since the kernel drops it before it
kills, and in version 2 so do names and inodes of files, of which an installation leaves 100 MB and more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import NamedTuple

UNLIMITED = 1 << 60  # version 1 reports the absence of a limit as a number near 2^63


class Limit(NamedTuple):
    """The memory that a group or a machine may use, and the part that is free or easily freed."""

    total: int
    available: int


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Our group in the hierarchy of a controller.

    Attributes:
        version: 1 or 2.
        folders: the group's own first, then its visible ancestors; may be empty.
    """

    version: int = 2
    folders: tuple[Path, ...] = ()

    @classmethod
    def own(cls, root: Path = Path("/"), controller: str = "memory") -> Cgroup:
        """Returns the group of this process in the hierarchy of a controller, without folders if there are none.
        `root` is for tests."""
        try:
            files = (root / "proc/self" / name for name in ("cgroup", "mountinfo"))
            groups, mounts = (os.fsdecode(file.read_bytes()).split("\n") for file in files)  # names in any encoding
        except OSError:
            return cls()
        paths = {}
        for line in groups:
            number, _, controllers_and_path = line.partition(":")
            controllers, _, path = controllers_and_path.partition(":")
            if number == "0" or controller in controllers.split(","):
                paths[2 if number == "0" else 1] = path
        # The first has the controller where both versions are mounted.
        for version in (1, 2):
            for line in mounts if version in paths else ():
                mount_fields, _, file_system = line.partition(" - ")
                kind, _, options = file_system.partition(" ")
                controlled = controller in options.rpartition(" ")[2].split(",")
                fields = mount_fields.split(" ")
                if len(fields) > 4 and (kind == "cgroup2" if version == 2 else (kind == "cgroup" and controlled)):
                    top, mount = fields[3:5]
                    return cls(version, _folders(root, mount, top, paths[version]))
        return cls()

    def limits(self) -> list[Limit]:
        """Returns the limits of the group and its ancestors."""
        limits = []
        for folder in self.folders:
            total = self._limit(folder)
            usage = _number(folder / ("memory.current" if self.version == 2 else "memory.usage_in_bytes"))
            if total is not None and usage is not None:
                limits.append(Limit(total, max(0, total - usage + min(self._droppable(folder), usage))))
        return limits

    def processors(self) -> float:
        """Returns how many cores' worth of time the group and its ancestors may use, infinity without a quota."""
        return min((self._processors(folder) for folder in self.folders), default=inf)

    def oom_kills(self) -> int | None:
        """Returns how many of this group's processes the kernel has killed for lack of memory; None if unknown."""
        if not self.folders:
            return None
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return number_of(self.folders[0] / name, "oom_kill")

    def _processors(self, folder: Path) -> float:
        try:
            if self.version == 2:
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            return int(quota) / int(period) if int(quota) > 0 else inf
        except (OSError, ValueError, ZeroDivisionError):  # `max`, or a root group
            return inf

    def _droppable(self, folder: Path) -> int:
        # Pages just written or read twice are active, such as all of a new installation. Mapped pages are in use, and
        # half of them can go: else nobody could speak in the gigabyte in which Parakeet maps 647 MB (BENCHMARKS.md).
        names = ("inactive_file", "active_file", "file_mapped", "slab_reclaimable")
        if self.version == 1:
            names = ("total_inactive_file", "total_active_file", "total_mapped_file", "")
        inactive, active, mapped, slab = (number_of(folder / "memory.stat", name) or 0 for name in names)
        return max(inactive, inactive + active - mapped // 2) + slab

    def _limit(self, folder: Path) -> int | None:
        # The kernel slows a group above `memory.high` down until it is useless.
        names = ("memory.max", "memory.high") if self.version == 2 else ("memory.limit_in_bytes",)
        limits = [limit for name in names if (limit := _number(folder / name)) is not None and limit < UNLIMITED]
        return min(limits, default=None)


def _folders(root: Path, mount: str, top: str, path: str) -> tuple[Path, ...]:
    """Returns the folders from the group `path` up to the mount point, which shows the group `top` and its children.
    Inside a container `path` may be the host's name for the group, and the mount may show only that group."""
    base = root / mount.lstrip("/")
    relative = Path(path.strip("/"))
    if top != "/" and relative.is_relative_to(top.strip("/")):
        relative = relative.relative_to(top.strip("/"))
    elif top != "/" or ".." in relative.parts:
        relative = Path()
    folder = base / relative
    if not os.path.isdir(folder):  # `isdir` is False for an invalid name, too, and raises nothing
        folder = base
    return tuple(f for f in (folder, *folder.parents) if f.is_relative_to(base))


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # `max`, or a root group, which has no such file
        return None


def number_of(file: Path, name: str) -> int | None:
    """Returns the number after `name` in a file of lines `NAME NUMBER`."""
    try:
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        pass
    return None

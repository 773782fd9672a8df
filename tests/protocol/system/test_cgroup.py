"""Tests of the memory limits of cgroups, on trees of files as the kernel shows them, and once in a real group."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hushd_protocol.system.cgroup import Cgroup, Limit
from hushd_supervisor.system.memory import measure
from support.memory_group import MemoryGroup

MB = 1_000_000
NO_LIMIT_1 = 9223372036854771712  # what version 1 writes for none
MEMINFO = "MemTotal: 8000000 kB\nMemFree: 100 kB\nMemAvailable: 4000000 kB\n"


def tree(root: Path, files: Mapping[str, object]) -> Path:
    for name, content in {"proc/meminfo": MEMINFO, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root


def version_2(root: Path, path: str, groups: Mapping[str, Mapping[str, object]], top: str = "/") -> Path:
    """A unified hierarchy; `groups` are files by folder below the mount point."""
    files = {
        f"sys/fs/cgroup/{folder}/{name}": value for folder, table in groups.items() for name, value in table.items()
    }
    mounts = f"30 24 0:26 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
    return tree(root, {"proc/self/cgroup": f"0::{path}", "proc/self/mountinfo": mounts, **files})


def version_1(root: Path, path: str, groups: Mapping[str, Mapping[str, object]], top: str = "/") -> Path:
    """Hierarchies by controller, and the unified one beside them, as systemd's hybrid mode mounts them."""
    files = {
        f"sys/fs/cgroup/memory/{folder}/{name}": value
        for folder, table in groups.items()
        for name, value in table.items()
    }
    mounts = (
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        f"35 31 0:32 {top} /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,memory"
    )
    lines = f"9:cpu,cpuacct:/elsewhere\n4:memory:{path}\n0::/init.scope"
    return tree(root, {"proc/self/cgroup": lines, "proc/self/mountinfo": mounts, **files})


def used_2(limit: object, usage: int, cache: int = 0, **more: object) -> dict[str, object]:
    return {
        "memory.max": limit,
        "memory.high": "max",
        "memory.current": usage,
        "memory.stat": f"anon 5\ninactive_file {cache}\nactive_file 77\nfile_mapped 154",
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def used_1(limit: object, usage: int, cache: int = 0) -> dict[str, object]:
    stat = f"cache 5\ninactive_file 1\ntotal_inactive_file {cache}"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": usage, "memory.stat": stat}


def test_no_cgroups(tmp_path: Path) -> None:
    """A system that has none, or whose files make no sense, has no limits and counts no kills."""
    for root in (
        tree(tmp_path / "none", {}),
        tree(tmp_path / "odd", {"proc/self/cgroup": "", "proc/self/mountinfo": ""}),
    ):
        group = Cgroup.own(root)
        assert (group.folders, group.limits(), group.oom_kills()) == ((), [], None)
        assert measure.machine(group, root) == (8_000_000 * 1024, 4_000_000 * 1024)


def test_version_2_and_its_parents(tmp_path: Path) -> None:
    """The limits of the group and of all above it are found; the tightest in each respect is the machine's memory."""
    root = version_2(
        tmp_path,
        "/user.slice/hushd.service",
        {
            "": {"memory.stat": "anon 1"},  # the root group has no limit and no usage
            "user.slice": used_2(2000 * MB, 1900 * MB, 100 * MB),
            "user.slice/hushd.service": used_2(1000 * MB, 300 * MB, 50 * MB),
        },
    )
    group = Cgroup.own(root)
    assert [folder.name for folder in group.folders] == ["hushd.service", "user.slice", "cgroup"]
    assert group.limits() == [Limit(1000 * MB, 750 * MB), Limit(2000 * MB, 200 * MB)]
    assert measure.machine(group, root) == (1000 * MB, 200 * MB)


def test_half_of_what_is_mapped_cannot_be_dropped(tmp_path: Path) -> None:
    """All else of the cache can, and what the kernel may have back of its own."""
    stat = f"inactive_file {40 * MB}\nactive_file {30 * MB}\nfile_mapped {20 * MB}\nslab_reclaimable {5 * MB}"
    root = version_2(tmp_path, "/a", {"a": used_2(1000 * MB, 300 * MB) | {"memory.stat": stat}})
    assert Cgroup.own(root).limits() == [Limit(1000 * MB, (700 + 40 + 30 - 10 + 5) * MB)]


def test_version_2_without_a_limit(tmp_path: Path) -> None:
    """`max` is none."""
    root = version_2(tmp_path, "/a", {"a": used_2("max", 300 * MB)})
    assert Cgroup.own(root).limits() == []


def test_version_2_is_slowed_down_above_high(tmp_path: Path) -> None:
    """The lower of memory.max and memory.high counts, with no maximum too."""
    root = version_2(tmp_path, "/a", {"a": used_2("max", 300 * MB) | {"memory.high": 500 * MB}})
    assert Cgroup.own(root).limits() == [Limit(500 * MB, 200 * MB)]
    root = version_2(tmp_path, "/a", {"a": used_2(400 * MB, 300 * MB) | {"memory.high": 500 * MB}})
    assert Cgroup.own(root).limits() == [Limit(400 * MB, 100 * MB)]


@pytest.mark.parametrize(("quota", "processors"), [(150_000, 1.5), (-1, float("inf")), ("max", float("inf"))])
def test_the_share_of_processors(tmp_path: Path, quota: object, processors: float) -> None:
    """A quota of 150 ms in each 100 ms is that of one processor and a half; the tightest of the group and those above
    it counts, in either version."""
    groups = {"": {"cpu.max": "400000 100000"}, "a": {"cpu.max": f"{quota} 100000"}}
    assert Cgroup.own(version_2(tmp_path / "2", "/a", groups), "cpu").processors() == min(processors, 4.0)
    root = version_1(tmp_path / "1", "/a", {})
    tree(
        root,
        {
            f"sys/fs/cgroup/cpu/elsewhere/cpu.cfs_{name}_us": number
            for name, number in (("quota", quota), ("period", 100_000))
        },
    )
    assert Cgroup.own(root, "cpu").processors() == processors


def test_version_1_and_its_parents(tmp_path: Path) -> None:
    """The controller's own hierarchy is read, not the unified one beside it."""
    root = version_1(
        tmp_path,
        "/docker/abc",
        {
            "": used_1(NO_LIMIT_1, 9000 * MB),
            "docker": used_1(NO_LIMIT_1, 500 * MB),
            "docker/abc": used_1(600 * MB, 500 * MB, 80 * MB),
        },
    )
    group = Cgroup.own(root)
    assert (group.version, len(group.folders)) == (1, 3)
    assert group.limits() == [Limit(600 * MB, 180 * MB)]
    assert measure.machine(group, root) == (600 * MB, 180 * MB)


@pytest.mark.parametrize(("top", "path"), [("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/", "/../../x")])
def test_a_container_sees_its_own_group_as_the_top(tmp_path: Path, top: str, path: str) -> None:
    """Whatever the host calls the group, it is the mount point, where the mount shows no more than it."""
    root = version_1(tmp_path, path, {"": used_1(700 * MB, 100 * MB)}, top)
    assert Cgroup.own(root).limits() == [Limit(700 * MB, 600 * MB)]
    root = version_2(tmp_path / "2", path, {"": used_2(700 * MB, 100 * MB)}, top)
    assert Cgroup.own(root).limits() == [Limit(700 * MB, 600 * MB)]


@pytest.mark.parametrize("path", ["/gone", "/gone\0"])
def test_a_group_that_is_not_shown_is_the_mount(tmp_path: Path, path: str) -> None:
    """The host's name for it, in a container, may not even be a name."""
    root = version_2(tmp_path, path, {"": used_2(700 * MB, 100 * MB)})
    assert Cgroup.own(root).folders == (root / "sys/fs/cgroup",)


def test_kills_are_counted_where_the_kernel_tells(tmp_path: Path) -> None:
    """memory.events and memory.oom_control of the own group; else the machine's count; else nothing."""
    two = version_2(tmp_path / "2", "/a", {"a": {"memory.events": "low 0\noom 9\noom_kill 3\noom_group_kill 1"}})
    one = version_1(tmp_path / "1", "/a", {"a": {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2"}})
    none = tree(tmp_path / "0", {"proc/vmstat": "nr_free_pages 5\noom_kill 7"})
    assert [measure.oom_kills(Cgroup.own(root), root) for root in (two, one, none)] == [3, 2, 7]
    assert measure.oom_kills(Cgroup.own(tmp_path), tmp_path) is None


LOOK = """
import sys
from hushd_protocol.system.cgroup import Cgroup
from hushd_supervisor.system.memory.measure import machine
group = Cgroup.own()
before = machine(group)
taken = bytearray(b"x") * 50_000_000
after = machine(group)
print(before.total, before.available - after.available, group.oom_kills())
"""


def test_a_real_group(memory_group: MemoryGroup) -> None:
    """A process in a group of 200 MB has a machine of 200 MB, and 50 MB that it takes are missing from it."""
    done = subprocess.run(
        [*memory_group.command(200 * MB), sys.executable, "-c", LOOK], capture_output=True, text=True, check=True
    )
    total, taken, kills = map(int, done.stdout.split())
    assert abs(total - 200 * MB) < 8192
    assert abs(taken - 50 * MB) < 5 * MB
    assert kills == 0

"""Tests of the memory limits of cgroups, on trees of files as the kernel shows them, and once in a real group."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path

import pytest
from hushd_protocol.messages import Error
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup, Limit
from hushd_supervisor.core.memory.needs import Estimated
from hushd_supervisor.system.memory import measure
from support.house import A, House
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
        "memory.stat": f"anon 5\ninactive_file {cache}\nactive_file 77\nfile_mapped 77",
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
        assert (group.folders, group.limits(), group.oom_kills(), group.pressure_file()) == ((), [], None, None)
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


@pytest.mark.parametrize("name", [b"K\xf6ln", "a\u2028b\x85c\x1cd".encode()])
def test_other_mounts_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    """A volume whose name is not UTF-8, or has what Python takes for the end of a line, does not hide our limit."""
    root = version_2(tmp_path, "/a", {"a": used_2(300 * MB, 100 * MB)})
    file = root / "proc/self/mountinfo"
    file.write_bytes(b"29 24 8:2 / /media/" + name + b" rw - vfat b rw\n" + file.read_bytes())
    assert Cgroup.own(root).limits() == [Limit(300 * MB, 200 * MB)]


def test_a_group_whose_name_no_folder_can_have(tmp_path: Path) -> None:
    """As in a container, where the path may be the host's: the mount point counts."""
    root = version_2(tmp_path, f"/{'a' * 5000}", {"": used_2(300 * MB, 100 * MB)})
    assert Cgroup.own(root).limits() == [Limit(300 * MB, 200 * MB)]


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


@pytest.mark.parametrize("made", [version_1, version_2])
def test_a_model_beyond_the_containers_budget_is_not_started(tmp_path: Path, made: Callable[..., Path]) -> None:
    """The kernel would kill each start: the refusal has the container's numbers, on a machine with room for it."""
    used = used_1 if made is version_1 else used_2
    root = made(tmp_path, "/a", {"a": used(2000 * MB, 100 * MB)})
    house = House(worker={"": {"memory_mb": 0.0}}, estimate=lambda _: Estimated(1700 * MB))
    house.total, house.available = measure.machine(Cgroup.own(root), root)
    answer = house.answer(house.request(A))
    assert isinstance(answer, Error)
    assert (answer.code, house.spawned()) == ("model_too_large", [])
    assert "needs 1700 MB, and all workers together may take" in answer.message
    assert "of the 2000 MB there are" in answer.message


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (version_1, ("total_inactive_file", "total_active_file", "total_mapped_file")),
        (version_2, ("inactive_file", "active_file", "file_mapped")),
    ],
)
def test_files_that_were_just_written_are_no_use_of_memory(
    tmp_path: Path, made: Callable[..., Path], names: tuple[str, ...]
) -> None:
    """An installation leaves its files in the active cache, which the kernel drops too, except for mapped ones."""
    used = used_1 if made is version_1 else used_2
    root = made(tmp_path, "/a", {"a": used(537 * MB, 299 * MB)})
    stat = next(root.glob("sys/fs/cgroup/**/a/memory.stat"))
    for cache, available in (((56, 232, 0), 526), ((56, 232, 90), 436), ((56, 20, 90), 294)):
        stat.write_text("".join(f"{name} {size * MB}\n" for name, size in zip(names, cache, strict=True)))
        assert Cgroup.own(root).limits() == [Limit(537 * MB, available * MB)]


def test_names_and_inodes_of_files_are_no_use_of_memory(tmp_path: Path) -> None:
    """The kernel drops them as it does the files' pages; the rest of its own memory counts."""
    root = version_2(tmp_path, "/a", {"a": used_2(537 * MB, 435 * MB, 10 * MB)})
    stat = root / "sys/fs/cgroup/a/memory.stat"
    stat.write_text(
        f"inactive_file {10 * MB}\nactive_file 0\nslab_reclaimable {300 * MB}\nslab_unreclaimable {20 * MB}\n"
    )
    assert Cgroup.own(root).limits() == [Limit(537 * MB, 412 * MB)]


def test_usage_beyond_the_limit_leaves_nothing(tmp_path: Path) -> None:
    """A limit that was lowered below the usage leaves 0 bytes, not fewer; cache is never more than usage."""
    root = version_2(tmp_path, "/a", {"a": used_2(100 * MB, 300 * MB)})
    assert Cgroup.own(root).limits() == [Limit(100 * MB, 0)]
    root = version_2(tmp_path, "/a", {"a": used_2(100 * MB, 30 * MB, 70 * MB)})
    assert Cgroup.own(root).limits() == [Limit(100 * MB, 100 * MB)]


def test_a_limit_that_changes_is_seen(tmp_path: Path) -> None:
    """`systemctl set-property` needs no restart."""
    root = version_2(tmp_path, "/a", {"a": used_2("max", 30 * MB)})
    group = Cgroup.own(root)
    (root / "sys/fs/cgroup/a/memory.max").write_text("50000000\n")
    assert group.limits() == [Limit(50 * MB, 20 * MB)]


def test_kills_are_counted_where_the_kernel_tells(tmp_path: Path) -> None:
    """memory.events and memory.oom_control of the own group; else the machine's count; else nothing."""
    two = version_2(tmp_path / "2", "/a", {"a": {"memory.events": "low 0\noom 9\noom_kill 3\noom_group_kill 1"}})
    one = version_1(tmp_path / "1", "/a", {"a": {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2"}})
    none = tree(tmp_path / "0", {"proc/vmstat": "nr_free_pages 5\noom_kill 7"})
    assert [measure.oom_kills(Cgroup.own(root), root) for root in (two, one, none)] == [3, 2, 7]
    assert measure.oom_kills(Cgroup.own(tmp_path), tmp_path) is None


def test_the_groups_own_stalls_count_where_it_has_a_limit(tmp_path: Path) -> None:
    """A container's stalls are its own; without a limit, or in version 1, they are the machine's."""
    files = used_2(100 * MB, 30 * MB, memory_pressure="some avg10=0.00")
    root = version_2(tmp_path / "a", "/a", {"a": files})
    assert Cgroup.own(root).pressure_file() == root / "sys/fs/cgroup/a/memory.pressure"
    root = version_2(tmp_path / "b", "/a", {"a": files | {"memory.max": "max"}})
    assert Cgroup.own(root).pressure_file() is None
    root = version_1(tmp_path / "c", "/a", {"a": used_1(100 * MB, 30 * MB)})
    assert Cgroup.own(root).pressure_file() is None


@pytest.mark.parametrize(
    ("own", "above", "cores"),
    [
        ("150000 100000", "max 100000", 1.5),
        ("max 100000", "50000 100000", 0.5),
        ("400000 100000", "200000 100000", 2),
        ("max 100000", "max 100000", inf),
        ("", "x y z", inf),
        ("100000 0", "-1 100000", inf),
    ],
)
def test_the_tightest_quota_of_time_counts(tmp_path: Path, own: str, above: str, cores: float) -> None:
    """As `docker run --cpus` sets it; an odd file sets none, in both versions."""
    groups = {"": {}, "a": {"cpu.max": above}, "a/b": {"cpu.max": own}}
    root = version_2(tmp_path / "2", "/a/b", groups)
    assert Cgroup.own(root, "cpu").processors() == cores
    root = version_1(tmp_path / "1", "/a", {})
    for folder, line in (("elsewhere", own), ("", above)):
        for name, value in zip(("quota", "period"), [*line.replace("max", "-1").split(), "", ""][:2], strict=True):
            file = root / "sys/fs/cgroup/cpu" / folder / f"cpu.cfs_{name}_us"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
    assert Cgroup.own(root, "cpu").processors() == cores


@pytest.mark.parametrize(("quota", "cores"), [(0.5, 1), (1.4, 1), (1.5, 2), (2.6, 3), (9, 4), (inf, 4)])
def test_cores_are_what_a_quota_is_worth(monkeypatch: pytest.MonkeyPatch, quota: float, cores: int) -> None:
    """Threads beyond it would wait for each other's next share; there is always one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    monkeypatch.setattr(Cgroup, "processors", lambda _: quota)
    assert footprint.cores() == cores


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

"""The memory and time that a worker reports: its own, and that of the programs it runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_worker import usage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")

UNDER_A_LOCK = (
    "smaps",
    "smaps_rollup",
    "maps",
    "cmdline",
    "environ",
    "numa_maps",
)  # of the process: read with mmap_lock

WORK = """
import sys, time
held = bytearray(60_000_000)
until = time.process_time() + 0.5
while time.process_time() < until: pass
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["child", "grandchild"])
def program(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A program that holds 60 MB and has used half a second of CPU time, started by us or by a program of ours."""
    command = [sys.executable, "-c", WORK]
    if request.param == "grandchild":
        command = [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process


def test_what_a_program_uses_is_ours(program: subprocess.Popen[bytes]) -> None:
    """Its memory and CPU time count while it runs; the time stays when it has ended, and the memory goes."""
    size, used = usage.pss(), usage.cpu()
    assert used >= time.process_time() + 0.5
    assert program.stdin
    program.stdin.close()
    program.wait()
    assert usage.cpu() >= used
    assert usage.pss() < size - 55_000_000


def test_no_beat_waits_for_a_program(program: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure of our programs is read that needs a lock of theirs: one that maps gigabytes on a busy disk held
    it for seconds, and hushd killed the worker that waited for it."""
    real_open, opened = open, list[str]()

    def spied(path: str, *rest: Any) -> Any:
        opened.append(path)
        return real_open(path, *rest)

    monkeypatch.setattr("builtins.open", spied)
    usage.pss()
    usage.cpu()
    usage.PrivateMemory().measure()
    assert any("/status" in path for path in opened)
    assert [path for path in opened if path.endswith(UNDER_A_LOCK)] == ["/proc/self/smaps_rollup"]


def test_peaks_between_two_looks_are_seen_while_loading(tmp_path: Path) -> None:
    """200 MB that come and go between two looks count for the load, mapped files do not, and the jobs begin anew."""
    file = tmp_path / "weights"
    file.write_bytes(bytes(100_000_000))
    code = (
        "import mmap, sys\n"
        "from hushd_worker.usage import PrivateMemory\n"
        "memory = PrivateMemory(); memory.measure(); before = memory.now\n"
        "opened = open(sys.argv[1], 'rb'); mapped = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)\n"
        "total = sum(mapped[i] for i in range(0, len(mapped), 4096)); memory.measure()\n"
        "taken = bytearray(b'x') * 200_000_000; del taken\n"
        "now, peak = memory.loaded()\n"
        "print(now - before, peak - before, memory.peak - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    now, peak, after = map(int, done.stdout.split())
    assert now < 20_000_000
    assert 180_000_000 <= peak <= 230_000_000
    assert after == now


def test_a_process_alone_counts_itself() -> None:
    """The two are what the system says of a process without children, at the price of one look."""
    assert usage.pss() > 5_000_000
    before, own = usage.cpu(), time.process_time()
    until = own + 0.05
    while time.process_time() < until:
        pass
    assert usage.cpu() - before == pytest.approx(time.process_time() - own, abs=0.02)
    assert usage.cpu_of("4194305") == 0.0  # a process that is gone


def test_the_peak_stays_when_a_program_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and a program's together, which no high-water mark of this process has; it begins anew after the load."""
    sizes = {"self": {b"RssAnon:": 100, b"VmHWM:": 120}, "7": {b"RssAnon:": 60}}
    children = ["7"]
    monkeypatch.setattr(usage, "_sizes", lambda process: sizes[process])
    monkeypatch.setattr(usage, "descendants", lambda process: list(children))
    memory = usage.PrivateMemory()
    memory.measure()
    assert (memory.now, memory.peak) == (160, 160)
    children.clear()
    memory.measure()
    assert (memory.now, memory.peak) == (100, 160)
    assert memory.loaded() == (100, 160)
    assert memory.peak == 100

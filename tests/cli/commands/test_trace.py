"""`hushd trace`: each stage of a cold start, in its process, measured where it happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hushd_cli import disk_part
from hushd_cli.commands import trace
from hushd_cli.commands.trace import Stage
from support.peer import Supervisor

RUN = [sys.executable, "-P", "-m", "hushd", "trace"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=120)


def test_the_stages_of_a_cold_start(
    start_supervisor: Callable[..., Supervisor], runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three processes are shown, in order, the speech is there, and no supervisor is left or used but its own."""
    monkeypatch.setenv("TMPDIR", str(runtime))  # other programs of this machine may be traced too
    supervisor = start_supervisor("")
    spoken = run("--json", "say", "-o", str(tmp_path / "a.wav"), "Done.")
    assert (spoken.returncode, spoken.stderr) == (0, "")
    assert (tmp_path / "a.wav").stat().st_size > 10_000
    stages = [Stage(**stage) for stage in json.loads(spoken.stdout)]
    assert [(stage.process, stage.work) for stage in stages] == [(process, work) for process, work, *_ in trace._STAGES]
    assert all(stage.start <= stage.end for stage in stages)
    assert all(stage.cpu_s is not None and stage.cpu_s >= 0 for stage in stages if "first output" not in stage.work)
    assert [stage.work for stage in stages if stage.floor_s] == ["Python starts", "Python starts"]
    ends = {(stage.process, stage.work): stage.end for stage in stages}
    assert ends["supervisor", "opens its sockets"] <= ends["command", "imports, and connects"]
    assert stages[-1].end == max(ends.values())
    assert not psutil.Process(supervisor.process.pid).children()
    environments = (one.info["environ"] or {} for one in psutil.process_iter(["environ"]))
    assert not [one for one in environments if f"{runtime}/hushd-trace-" in one.get("HUSHD_TRACE", "")]


def test_the_picture() -> None:
    """A bar for each stage, to one scale, within the terminal, behind its time, its CPU time and its floor."""
    stages = [Stage("command", "Python starts", 0.0, 0.1, None, 0.02), Stage("worker", "loads it", 0.1, 0.9999, 0.7)]
    heads, first, second, last = trace._picture(stages, 80).splitlines()
    assert heads.split() == ["time", "CPU", "floor"]
    assert first.startswith("command     Python starts   100 ms             20 ms  ")
    assert second.startswith("worker      loads it        900 ms   700 ms           ")
    assert second.rstrip("█#")[-1] == " "
    assert max(map(len, (first, second))) <= 80
    assert last.split() == ["altogether", "1000", "ms"]


def test_a_command_that_fails(tmp_path: Path) -> None:
    """Its error and its status are the trace's, with the stages that it reached."""
    failed = run("listen", str(tmp_path / "nothing.wav"))
    assert (
        failed.returncode
        == subprocess.run(
            [sys.executable, "-P", "-m", "hushd", "listen", str(tmp_path / "nothing.wav")], capture_output=True
        ).returncode
    )
    assert "nothing.wav" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("words", [(), ("status",), ("--json",)])
def test_what_cannot_be_traced(words: tuple[str, ...]) -> None:
    """The error names what can."""
    refused = run(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Give a command to trace" in refused.stderr


def line(when: float, process: int, cpu_s: float, read: int, point: str, detail: str = "") -> str:
    return f"{when} {process} {cpu_s} {read} {point}\t{detail}\n"


def test_the_figures_of_a_stage() -> None:
    """The first stage of a process has all that it has used; what ends in another process has nothing."""
    marks = (
        line(5.0, 1, 0, 0, "trace began")
        + line(5.1, 2, 0.05, 0, "command started")
        + line(5.2, 3, 0.7, 99, "worker spawned", "stt/onnx-asr/mine")
        + line(5.5, 4, 0.1, 2_000_000, "worker started")
        + line(5.6, 4, 0.15, 2_000_000, "worker loads")
        + line(7.6, 4, 0.55, 702_000_000, "worker ready")
        + line(8.0, 2, 0.2, 0, "command answered")
    )
    first, *others = trace._stages(trace._marks(marks))
    assert first == Stage("command", "Python starts", 0.0, 0.1, 0.05, None, 0.0)
    stages = {stage.work: stage for stage in others}
    assert stages["Python starts"] == Stage("worker", "Python starts", 0.2, 0.5, 0.1, None, 2.0)
    assert stages["loads the model"] == Stage("worker", "loads the model", 0.6, 2.6, 0.4, None, 700.0)
    assert stages["works until the first output"] == Stage("worker", "works until the first output", 2.6, 3.0)


@pytest.mark.parametrize(("read", "waited"), [(0, False), (9, False), (11, True), (120, True)])
def test_whether_it_was_the_disks(read: int, waited: bool) -> None:
    """A start is the disk's from a tenth of the model's files on; below that, other files were read."""
    assert disk_part.waited(read * 1e6, 100e6) is waited
    text = disk_part.sentence(read * 1e6, 100e6)
    assert text.startswith(f"It waited for the disk, from which {read} MB came" if waited else "The disk had no part")
    assert "100 MB" in text

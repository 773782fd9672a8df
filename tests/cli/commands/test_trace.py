"""`hushd trace`: each stage of a cold start, in its process, measured where it happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
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
    ends = {(stage.process, stage.work): stage.end for stage in stages}
    assert ends["supervisor", "opens its sockets"] <= ends["command", "imports, and connects"]
    assert stages[-1].end == max(ends.values())
    assert not psutil.Process(supervisor.process.pid).children()
    environments = (one.info["environ"] or {} for one in psutil.process_iter(["environ"]))
    assert not [one for one in environments if f"{runtime}/hushd-trace-" in one.get("HUSHD_TRACE", "")]


def test_the_picture() -> None:
    """A bar for each stage, to one scale, within the terminal."""
    stages = [Stage("command", "Python starts", 0.0, 0.1), Stage("worker", "loads the model", 0.1, 0.9999)]
    first, second, last = trace._picture(stages, 80).splitlines()
    assert first.startswith("command     Python starts      100 ms  ")
    assert second.startswith("worker      loads the model    900 ms  ")
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

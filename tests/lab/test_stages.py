"""The stages of a cold start, each in its process, measured where it happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from benches import stages
from benches.stages import Stage
from support.peer import Supervisor


def test_the_stages_of_a_cold_start(
    start_supervisor: Callable[..., Supervisor], runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three processes are there, in order, and no supervisor is left or used but the trace's own."""
    monkeypatch.setenv("TMPDIR", str(runtime))  # other programs of this machine may be traced too
    supervisor = start_supervisor("")
    found = list(stages.taken(stages.trace("say", ["-o", str(tmp_path / "a.wav"), "Done."])))
    assert (tmp_path / "a.wav").stat().st_size > 10_000
    assert [(stage.process, stage.work) for stage in found] == [(process, work) for process, work, *_ in stages.STAGES]
    assert all(stage.start <= stage.end for stage in found)
    assert all(stage.cpu_s is not None and stage.cpu_s >= 0 for stage in found if "first output" not in stage.work)
    ends = {(stage.process, stage.work): stage.end for stage in found}
    assert ends["supervisor", "opens its sockets"] <= ends["command", "imports, and connects"]
    assert found[-1].end == max(ends.values())
    assert not psutil.Process(supervisor.process.pid).children()
    environments = (one.info["environ"] or {} for one in psutil.process_iter(["environ"]))
    assert not [one for one in environments if f"{runtime}/hushd-trace-" in one.get("HUSHD_TRACE", "")]


def line(when: float, process: int, cpu_s: float, read: int, point: str, detail: str = "") -> str:
    return f"{when} {process} {cpu_s} {read} {point}\t{detail}\n"


def test_the_figures_of_a_stage() -> None:
    """The first stage of a process has all that it has used; one that ends in another process has nothing."""
    marks = (
        line(5.0, 1, 0, 0, "trace began")
        + line(5.1, 2, 0.05, 0, "command started")
        + line(5.2, 3, 0.7, 99, "worker spawned", "stt/onnx-asr/mine")
        + line(5.5, 4, 0.1, 2_000_000, "worker started")
        + line(5.6, 4, 0.15, 2_000_000, "worker loads")
        + line(7.6, 4, 0.55, 702_000_000, "worker ready")
        + line(8.0, 2, 0.2, 0, "command answered")
    )
    first, *others = stages.taken(marks)
    assert first == Stage("command", "Python starts", 0.0, 0.1, 0.05, 0.0)
    found = {stage.work: stage for stage in others}
    assert found["Python starts"] == Stage("worker", "Python starts", 0.2, 0.5, 0.1, 2.0)
    assert found["loads the model"] == Stage("worker", "loads the model", 0.6, 2.6, 0.4, 700.0)
    assert found["works until the first output"] == Stage("worker", "works until the first output", 2.6, 3.0)

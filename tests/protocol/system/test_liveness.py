"""Tests of the look at a process that says nothing: whether it works, waits, or does neither."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGHUP, SIGINT

import pytest
from hushd_protocol.system.lifeline import Liveness, exists, remove_left
from support.peer import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@contextmanager
def process(program: str) -> Iterator[int]:
    """A Python process that has come to its program."""
    command = [sys.executable, "-c", f"import time, sys; print(flush=True); {program}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running.pid
        running.kill()


def test_a_process_that_computes_works() -> None:
    """The process may wait for the processor at every look."""
    with process("exec('while True: pass')") as pid:
        liveness = Liveness(pid)
        assert all(liveness.works() for _ in range(10))


@pytest.mark.parametrize(("program", "number"), [("time.sleep(600)", 0), ("exec('while True: pass')", signal.SIGSTOP)])
def test_a_process_that_sleeps_or_is_stopped_does_not(program: str, number: int) -> None:
    """Two looks see the same once it has come to rest, whatever it did before."""
    with process(program) as pid:
        liveness = Liveness(pid)
        os.kill(pid, number)
        wait_until(lambda: not liveness.works(), "rest")
        assert not liveness.works()


def test_elsewhere_a_process_that_exists_may_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is known without /proc. It gets no signal, also where it would ignore one, as under nohup."""
    monkeypatch.setattr(sys, "platform", "darwin")
    signals: list[int] = []
    before = [(number, signal.signal(number, lambda got, _: signals.append(got))) for number in (SIGHUP, SIGINT)]
    try:
        assert Liveness(os.getpid()).works()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    assert not signals
    for number in (2**22 + 1, -1, 2**63):
        assert not Liveness(number).works()


def test_a_process_that_may_not_be_asked_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's, or one that a confined worker asks for; a number that nobody has does not, nor does a group's."""
    assert exists(os.getpid())
    assert not exists(2**22 + 1)

    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert exists(2**22 + 1)
    assert not exists(-1)


def test_only_the_files_of_dead_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are known by the number behind the last hyphen, with or without an ending; on macOS, too."""
    living, dead = os.getpid(), 2**22 + 1
    gone = (f"a-{dead}.sock", f"a-1-{dead}.wav.part", f"b-{dead}")
    left = (f"a-{living}.sock", f"b-{living}", f"c-{dead}", f"a-{dead}-x.sock", "a-.sock", "b")
    for name in (*gone, *left):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "platform", "darwin")
    remove_left(tmp_path, "a-*", "b*")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(left)

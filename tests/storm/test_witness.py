"""The witness of a storm: a loss explains itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from storm.vitals import Patience, Silence, Vitals
from storm.witness import Witness
from support.peer import wait_until

SPIN = "print(flush=True)\nwhile True: pass"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_loss_tells_a_supervisor_that_works_from_one_that_was_stopped(tmp_path: Path) -> None:
    """The account of a loss has the client's frames, its threads, the kernel's view and the logs."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/supervisor.log").write_text("it was here\n")
    with _spinning() as busy, _spinning() as rival:
        (tmp_path / "lock").write_text(f"{busy.pid}\n")
        vitals = Vitals(tmp_path)
        witness = Witness(tmp_path, tmp_path / "logs", vitals)
        vitals.start()
        try:
            wait_until(lambda: f"supervisor {busy.pid} python R +" in _view(vitals), "a look at one that runs")
            wait_until(lambda: vitals.waited_s, "a wait for the processor that they share")
            os.kill(busy.pid, signal.SIGSTOP)
            wait_until(lambda: f"supervisor {busy.pid} python T +" in _view(vitals), "a look at one that was stopped")
            witness.note("me/1", "I/O", "silent 5")
            witness.loss("lost: on the way")
        finally:
            busy.kill()
            rival.kill()
            vitals.end()
    loss = (tmp_path / "loss-1.txt").read_text()
    assert loss.startswith("lost: on the way\n")
    assert f"supervisor {busy.pid} python R +" in loss
    assert "me/1 I/O silent 5" in loss
    assert f"{threading.current_thread().name}:\n" in loss
    assert "supervisor.log:\nit was here" in loss


def test_a_limit_does_not_run_down_while_the_supervisor_waits_for_a_processor(tmp_path: Path) -> None:
    """Neither before it was made nor while nobody waits is it prolonged."""
    vitals = Vitals(tmp_path)
    vitals.waited_s = 50.0
    patience = Patience(1000.0, vitals)
    assert patience.left() <= 1000
    vitals.waited_s += 1000
    assert patience.left() > 1000
    assert Patience(-1.0, vitals).left() < 0


def test_a_silence_is_excused_where_the_supervisor_got_no_processor(tmp_path: Path) -> None:
    """For nearly all of it: one that slept had something to say."""
    vitals = Vitals(tmp_path)
    vitals.waited_s = 1000.0
    silence = Silence(vitals)
    assert not silence.was_starved()
    vitals.waited_s += 1000
    assert silence.was_starved()


def _spinning() -> subprocess.Popen[bytes]:
    """A program that takes all of one processor, the same each time."""
    program = subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE)
    os.sched_setaffinity(program.pid, [min(os.sched_getaffinity(0))])
    assert program.stdout
    program.stdout.readline()
    return program


def _view(vitals: Vitals) -> str:
    return vitals.lines().replace(Path(sys.executable).resolve().name, "python")

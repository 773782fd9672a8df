"""Threads for whose first step there is no memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hushd_protocol.limits import EXIT_NO_MEMORY
from hushd_worker import thread_starts
from support.peer import TESTS, Supervisor, command

# Stands for a thread of which the first frame does not fit: Python then ends it as it ends one whose bootstrap raises.
CODE = """
import os, sys, threading, time
from hushd_worker import thread_starts
thread_starts.watch()
def look():
    while not thread_starts.failed():
        time.sleep(0.01)
    os._exit({status})
threading.Thread(target=look, daemon=True).start()
class Unlucky(threading.Thread):
    def _bootstrap(self):
        raise {error}
Unlucky(daemon=True).start()
os._exit(1)
"""


def test_whoever_waits_for_such_a_thread_is_not_left_alone() -> None:
    """Python waits for ever in `start`; the process ends by a thread that is there already."""
    code = CODE.format(status=EXIT_NO_MEMORY, error="MemoryError")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (EXIT_NO_MEMORY, "")


def test_all_else_that_nobody_can_raise_is_printed() -> None:
    """As Python prints it, at the next look: an object whose end fails is not a lack of memory."""
    code = (
        "import os\nfrom hushd_worker import thread_starts\nthread_starts.watch()\n"
        "class Bad:\n    def __del__(self): raise MemoryError('x')\n"
        "Bad()\nassert not thread_starts.failed()\nos._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" in done.stderr
    assert "MemoryError: x" in done.stderr


def test_nothing_has_failed_at_first() -> None:
    """A look finds nothing in a process where all is well."""
    assert not thread_starts.failed()


WORKER = """
import threading
from echo_worker import Echo
from hushd_worker.harness import serve
class Unlucky(threading.Thread):
    def _bootstrap(self):
        raise MemoryError
class Engine(Echo):
    def run(self, job):
        if job.op == "thread":
            Unlucky(daemon=True).start()
        return super().run(job)
serve(Engine())
"""


def test_a_workers_client_hears_a_sentence(start_supervisor: Callable[..., Supervisor], tmp_path: Path) -> None:
    """Its process ends for lack of memory, and so does its next one; others are served."""
    (tmp_path / "unlucky.py").write_text(WORKER)
    program = command([sys.executable, str(tmp_path / "unlucky.py")])
    started = start_supervisor(f"[worker.stt]\n{program}", environment={"PYTHONPATH": str(TESTS)})
    with started.connect() as peer:
        error = peer.fail("thread")
        assert error.code == "server_busy"
        assert error.message.startswith(
            "stt/echo/a has not enough memory for this request, not even in a fresh process"
        )
        assert peer.ask("echo", input="none")["pid"]

"""Standby as a user has it: a worker forked from a template speaks as any other, and nothing is left of either."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hushd import Client
from hushd_schema.status import TemplateStatus
from hushd_supervisor.core.standby import START_S
from support.peer import Supervisor, is_gone, wait_until

Start = Callable[..., Supervisor]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="templates are kept on Linux only")


def template(client: Client) -> TemplateStatus:
    """The status of the one template."""
    (row,) = client.status().standby
    return row


def ready(client: Client) -> None:
    """Waits for the template as long as the supervisor would: a busy machine imports an engine in a minute."""
    wait_until(lambda: template(client).state in ("ready", "refused"), "a template", limit_s=START_S)
    assert template(client).state == "ready", template(client).why


def speaks(client: Client) -> tuple[bytes, int]:
    """The answer of a worker, and its pid."""
    speech = b"".join(client.synthesize("The build is green."))
    (row,) = client.status().workers
    return speech, row.pid


def face(pid: int, supervisor: int) -> dict[str, object]:
    """The name that a worker's process shows to the system."""
    process, status = psutil.Process(pid), Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        "child": process.ppid() == supervisor,
        "leads": os.getpgid(pid) == pid,
        "session": os.getsid(pid),
        "cwd": process.cwd(),
        "command": " ".join(process.cmdline()),  # of a forked one words end in blanks, as in any title
        "limits": process.rlimit(psutil.RLIMIT_NOFILE),
        "masks": [line for line in status if line.startswith(("Umask", "SigIgn", "SigBlk"))],
        "stdin": os.readlink(f"/proc/{pid}/fd/0"),
        "log": os.readlink(f"/proc/{pid}/fd/2"),
        "threads": process.num_threads() > 1,
    }


def test_a_forked_worker_speaks_and_is_as_any_other(start_supervisor: Start) -> None:
    """Same audio to the byte, same process to the system; the template is under 60 MB, and counted."""
    supervisor = start_supervisor('standby = ["tts/hibari"]\n')
    with Client(start=False) as client:
        ready(client)
        status = client.status()
        kept = status.standby[0]
        assert status.memory.used_mb == kept.private_mb
        assert 10 < kept.private_mb < 60
        speech, forked = speaks(client)
        seen = face(forked, supervisor.pid)
        assert is_forked(forked)
        os.kill(kept.pid, signal.SIGKILL)
        wait_until(lambda: template(client).state == "absent", "the end of the template")
        assert speaks(client) == (speech, forked), "a worker lives on without its template"
        client.unload()
        again, started = speaks(client)
        assert started != forked
        assert not is_forked(started)
        assert again == speech
        assert face(started, supervisor.pid) == seen


def test_nothing_is_left_of_a_supervisor_that_is_killed(start_supervisor: Start) -> None:
    """The template and a worker that was forked from it end with their supervisor, however it ends."""
    supervisor = start_supervisor('standby = ["tts/hibari"]\n')
    with Client(start=False) as client:
        ready(client)
        _, forked = speaks(client)
        left = [template(client).pid, forked]
    supervisor.process.kill()
    wait_until(lambda: all(map(is_gone, left)), "that nothing is left")


def is_forked(pid: int) -> bool:
    """Returns whether a process was a template: the system shows the environment of its start."""
    return "HUSHD_TEMPLATE" in psutil.Process(pid).environ()

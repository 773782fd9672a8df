"""An older supervisor and a newer command, and the other way round: real processes, of which some speak hushd/2."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Credit
from support.peer import CONFIG, Supervisor

BOUND_S = 30
_LATER = """\
import hushd_protocol.limits
hushd_protocol.limits.PROTOCOL += 1
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def newer(runtime: Path) -> dict[str, str]:
    """The environment of an installation that speaks the next version of the protocol."""
    folder = runtime / "newer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_LATER)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture
def hushd(newer: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a `hushd` that starts supervisors by itself: `hushd("status", env=newer)`."""
    monkeypatch.delenv("HUSHD_AUTOSTART")

    def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()", *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=BOUND_S, env=os.environ | (env or {}), check=False
        )

    yield run
    for environment in (newer, {}):
        run("shutdown", env=environment)


def good(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def ended(supervisor: Supervisor) -> bool:
    return supervisor.process.wait(BOUND_S) == 0


def test_a_newer_shutdown(supervisor: Supervisor, hushd: Run, newer: dict[str, str]) -> None:
    """Ends an older supervisor."""
    good(hushd("shutdown", env=newer))
    assert ended(supervisor)


def test_an_older_shutdown(start_supervisor: Callable[..., Supervisor], hushd: Run, newer: dict[str, str]) -> None:
    """Ends a newer supervisor, which refuses everything else in a sentence that says so."""
    supervisor = start_supervisor(CONFIG, environment=newer)
    refused = hushd("workers", "start", "stt/echo/a")
    assert refused.returncode == 2
    assert f"The client speaks hushd/{PROTOCOL} and this supervisor" in refused.stderr
    assert "run `hushd shutdown`, then try again" in refused.stderr
    good(hushd("shutdown"))
    assert ended(supervisor)
    good(hushd("workers", "start", "stt/echo/a"))


def test_a_newer_restart(supervisor: Supervisor, hushd: Run, newer: dict[str, str]) -> None:
    """Puts a newer supervisor in an older one's place."""
    good(hushd("restart", env=newer))
    assert ended(supervisor)
    good(hushd("status", env=newer))


def test_an_idle_older_supervisor_is_replaced(supervisor: Supervisor, hushd: Run, newer: dict[str, str]) -> None:
    """A newer command needs no `shutdown` first; one that only looks ends nobody."""
    seen = hushd("status", env=newer)
    assert (seen.returncode, supervisor.process.poll()) == (2, None)
    assert "run `hushd shutdown`, then try again" in seen.stderr
    good(hushd("workers", "start", "stt/echo/a", env=newer))
    assert ended(supervisor)
    assert "stt/echo/a" in good(hushd("status", env=newer))


def test_a_busy_older_supervisor_is_not_replaced(supervisor: Supervisor, hushd: Run, newer: dict[str, str]) -> None:
    """The sentence says what to do, it works, and the job loses nothing."""
    with supervisor.connect() as peer:
        peer.request("copy", input="stream", credit=1)
        peer.expect(Credit)  # it runs
        refused = hushd("workers", "start", "stt/echo/a", env=newer)
        assert (refused.returncode, supervisor.process.poll()) == (2, None)
        assert "is busy: `hushd restart` replaces it once its work is done." in refused.stderr
        assert peer.status()["running"] == 1
    good(hushd("restart", env=newer))
    assert ended(supervisor)
    good(hushd("workers", "start", "stt/echo/a", env=newer))


def test_nobody_is_replaced_where_nothing_may_be_started(
    supervisor: Supervisor, hushd: Run, newer: dict[str, str]
) -> None:
    """With HUSHD_AUTOSTART=0 the supervisor is somebody else's to end."""
    refused = hushd("workers", "start", "stt/echo/a", env=newer | {"HUSHD_AUTOSTART": "0"})
    assert (refused.returncode, supervisor.process.poll()) == (2, None)

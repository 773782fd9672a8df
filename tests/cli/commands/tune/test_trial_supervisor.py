"""Trials of settings, beside the user's own supervisor."""

from __future__ import annotations

import math
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest
from hushd_cli.commands.tune.trial_supervisor import TrialSupervisor
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.settings import load
from support.peer import CONFIG


def test_a_trial_listens_nowhere(runtime: Path) -> None:
    """The configuration has addresses, at which the user's supervisor listens: none of them is the trial's."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        place = f"127.0.0.1:{used.getsockname()[1]}"
        listen = f'[http]\nlisten = ["{place}"]\n[wyoming]\nlisten = ["tcp://{place}"]\n'
        (runtime / "config.toml").write_text(listen + CONFIG)
        with TrialSupervisor("stt/echo/a", b"audio", math.inf) as trial:
            trial.client.reload()  # as each trial does; it failed, and every trial with it
            assert trial.client.status().door is None


@pytest.mark.usefixtures("runtime")
def test_no_memory_is_not_the_settings_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything has worked it ends the command, with its own exit code; later it is one trial's failure."""
    busy = HushdError("server_busy", "There is no memory for tts/echo/a now.")
    trial = TrialSupervisor("tts/echo/a", "words", math.inf)
    monkeypatch.setattr(trial, "_configure", Mock(side_effect=busy))
    with pytest.raises(HushdError, match="no memory") as raised:
        trial.measure({})
    assert raised.value is busy
    trial._passes = 1
    assert trial.measure({}).note == busy.message


def test_a_killed_command_leaves_nothing_for_long(runtime: Path) -> None:
    """A worker that the user has pinned is not pinned in a trial: nobody would ever end it."""
    own = '[worker."stt/echo/a"]\npinned = true\nkeep_alive = -1\n'
    (runtime / "config.toml").write_text(f'exit_when_idle = "1h"\n{own}')
    with TrialSupervisor("stt/echo/a", b"audio", math.inf):
        settings = load(paths.find().config)
        worker = settings.for_worker("stt/echo/a")
        assert (settings.exit_when_idle, worker.keep_alive, worker.pinned) == (30, 30, False)


@pytest.mark.parametrize(("takes", "passes"), [(0.3, 4), (1.0, 1), (4.0, 1), (0.001, 50)])
@pytest.mark.usefixtures("runtime")
def test_short_work_is_repeated(takes: float, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run takes a second where that needs no more than 50 passes, and counts as the time of one of them."""
    now, works = 0.0, 0
    trial = TrialSupervisor("tts/echo/a", "words", math.inf)

    def work() -> str:
        nonlocal now, works
        now, works = now + takes, works + 1
        return ""

    monkeypatch.setattr("hushd_cli.commands.tune.trial_supervisor.time.monotonic", lambda: now)
    monkeypatch.setattr(trial, "_work", work)
    trial._warm_up()
    assert works == 2
    assert trial._run() == pytest.approx(takes)
    assert works == 2 + passes

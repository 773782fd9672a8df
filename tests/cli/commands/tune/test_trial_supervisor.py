"""Trials of settings, beside the user's own supervisor."""

from __future__ import annotations

import math
import socket
from pathlib import Path

from hushd_cli.commands.tune.trial_supervisor import TrialSupervisor
from support.peer import CONFIG


def test_a_trial_listens_nowhere(runtime: Path) -> None:
    """The configuration has addresses, at which the user's supervisor listens: none of them is the trial's."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        place = f"127.0.0.1:{used.getsockname()[1]}"
        listen = f'[http]\nlisten = ["{place}"]\n[wyoming]\nlisten = ["tcp://{place}"]\n'
        (runtime / "config.toml").write_text(f'{listen}[remote]\nlisten = "tcp+curve://{place}"\n{CONFIG}')
        with TrialSupervisor("stt/echo/a", b"audio", math.inf) as trial:
            trial.client.reload()  # as each trial does; it failed, and every trial with it
            assert trial.client.status().door is None

"""Tests of what follows from processes that come and go, without any."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq
from hushd_supervisor.core.events import Spawned
from hushd_supervisor.system import sleep
from hushd_supervisor.system.living import Living


@pytest.mark.parametrize("on_cards", [False, True])
def test_sleep_is_watched_where_a_worker_is_on_a_card(monkeypatch: pytest.MonkeyPatch, on_cards: bool) -> None:
    """Elsewhere the system's bus is never asked, nor its module loaded: nobody has to leave a card."""
    monkeypatch.setattr("hushd_supervisor.system.living.sys.platform", "linux")
    watched: list[bool] = []
    monkeypatch.setattr(sleep, "SleepWatch", lambda poller, record: SimpleNamespace(watch=watched.append))
    workers = SimpleNamespace(pids=lambda: {("stt/fake/one", 1): 1})
    parts = cast("Any", (workers, SimpleNamespace(count=0), SimpleNamespace(watch=lambda on: None)))
    living = Living(zmq.Poller(), *parts, lambda: on_cards, lambda level, text: None)
    living.look(Spawned("stt/fake/one", 1), 0.0)
    assert watched == ([True] if on_cards else [])

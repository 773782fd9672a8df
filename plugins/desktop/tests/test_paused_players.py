"""Players that can be are paused while somebody speaks or is listened to, and go on afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.outside import needs
from support.peer import wait_until

from .other_programs import ledgers, quiet

media_player = pytest.importorskip("support.media_player", reason="jeepney is not installed")
pytestmark = needs("dbus-daemon")


class Desk:
    """A session with players, and no sound server."""

    def __init__(self, folder: Path, runtime: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._bus = stack.enter_context(media_player.SessionBus(folder))
        self.environment = os.environ | {
            "HUSHD_RUNTIME_DIR": str(runtime),
            "PULSE_SERVER": f"unix:{folder}/nowhere",
            "DBUS_SESSION_BUS_ADDRESS": self._bus.address,
        }

    def player(self, name: str, status: str = "Playing", **options: bool) -> media_player.MediaPlayer:
        return self._stack.enter_context(media_player.MediaPlayer(self._bus, name, status, **options))


@pytest.fixture
def desk(runtime: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(runtime, runtime, stack)


def test_players_pause_and_go_on(desk: Desk, runtime: Path) -> None:
    """The ones that play and can; one that was paused before is not started."""
    plays, live, idle = desk.player("music"), desk.player("radio", pauses=False), desk.player("film", "Paused")
    with quiet(desk.environment):
        wait_until(lambda: plays.status == "Paused", "the pause")
        assert ledgers(runtime)
    assert plays.calls == ["Pause", "Play"]
    assert plays.status == live.status == "Playing"
    assert live.calls == idle.calls == []
    assert not ledgers(runtime)


def test_a_player_that_hangs_holds_nothing_up(desk: Desk) -> None:
    """The others are paused all the same, and go on."""
    desk.player("hangs", hangs=True)
    music = desk.player("music")
    with quiet(desk.environment):
        wait_until(lambda: music.status == "Paused", "the pause")
    assert music.calls == ["Pause", "Play"]

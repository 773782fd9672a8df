"""Wayland's portals on a private bus: the conversation with the desktop, its refusals, and the keys typed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd import HushdError
from hushd_desktop.dictation.keys import parse
from hushd_desktop.dictation.portal import APPLICATION, GlobalKey, Typist
from support.peer import wait_until

pytest.importorskip("jeepney", reason="jeepney is not installed")

from .. import portal_desktop

pytestmark = pytest.mark.skipif(bool(portal_desktop.missing()), reason=f"not installed: {portal_desktop.missing()}")

Start = Callable[..., "portal_desktop.PortalDesktop"]


@pytest.fixture
def start(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started = []

    def begin(**options: tuple[str, ...]) -> portal_desktop.PortalDesktop:
        desktop = portal_desktop.PortalDesktop(runtime, **options)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.address)
        started.append(desktop)
        return desktop.__enter__()

    yield begin
    for desktop in started:
        desktop.leave()


def test_a_global_key(start: Start) -> None:
    """The desktop learns who asks, and for which key; press and release come until it is stopped."""
    desktop = start()
    pressed: list[str] = []
    key = GlobalKey(parse("Super+d"), lambda: pressed.append("press"), lambda: pressed.append("release"))
    waiting = threading.Thread(target=key.wait)
    waiting.start()
    assert desktop.calls[0] == ("Register", (APPLICATION, {}))
    ((_, ((name, shortcut),), _, _),) = desktop.called("BindShortcuts")
    assert (name, shortcut["preferred_trigger"]) == ("dictate", ("s", "LOGO+d"))
    desktop.press()
    desktop.release()
    desktop.press()
    wait_until(lambda: pressed == ["press", "release", "press"], "the keys")
    key.stop()
    waiting.join(60)
    assert not waiting.is_alive()


def test_typing(start: Start, runtime: Path) -> None:
    """Every character is a key that goes down and up, whatever the keyboard has; one session is held for all of it."""
    desktop = start()
    typist = Typist(runtime / "token")
    typist.type("Grüße, 日本\n€")
    typist.delete(1)
    typist.type("!")
    assert desktop.typed == "Grüße, 日本\n!"
    assert desktop.pressed == []
    typist.close()
    assert len(desktop.called("CreateSession")) == 1


def test_the_permission_is_kept(start: Start, runtime: Path) -> None:
    """The user is asked once: the desktop's token is handed back the next time, and nobody else can read it."""
    desktop = start()
    Typist(runtime / "state" / "token").close()
    Typist(runtime / "state" / "token").close()
    first, second = (body[1] for body in desktop.called("SelectDevices"))
    assert first["persist_mode"] == ("u", 2)
    assert "restore_token" not in first
    assert second["restore_token"] == ("s", "again")
    assert (runtime / "state" / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("method", ["SelectDevices", "Start"])
def test_typing_that_is_not_allowed(start: Start, runtime: Path, method: str) -> None:
    """It is not tried otherwise."""
    start(refuses=(method,))
    with pytest.raises(HushdError, match=r"The desktop did not allow it \(RemoteDesktop\)"):
        Typist(runtime / "token")


def test_a_key_that_is_not_allowed(start: Start) -> None:
    """The user may say no."""
    start(refuses=("BindShortcuts",))
    with pytest.raises(HushdError, match=r"did not allow it \(GlobalShortcuts\)"):
        GlobalKey(parse("F9"), lambda: None, lambda: None)


def test_a_desktop_without_these_portals(start: Start, runtime: Path) -> None:
    """It says what to do instead."""
    start(offers=())
    with pytest.raises(HushdError, match="bind `hushd dictate` to a key"):
        GlobalKey(parse("F9"), lambda: None, lambda: None)
    with pytest.raises(HushdError, match="no portal for typing"):
        Typist(runtime / "token")

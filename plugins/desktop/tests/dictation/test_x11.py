"""A global key: on a real X server each press and each release counts, however late it is read; one without it."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from hushd_desktop.dictation.keys import parse
from hushd_desktop.dictation.x11 import GlobalKey
from support.peer import wait_until
from support.refusals import hushd_error
from Xlib import X, display, error

from .. import desktop
from ..desktop import Desktop


@pytest.mark.skipif(bool(desktop.missing()), reason=f"not installed: {desktop.missing()}")
def test_presses_in_quick_succession(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five that came before one was read are five, and other keys are none."""
    happened: list[str] = []
    with Desktop(runtime) as screen:
        monkeypatch.setenv("DISPLAY", screen.display)
        key = GlobalKey(parse("F9"), lambda: happened.append("press"), lambda: happened.append("release"))
        for _ in range(5):
            screen.press("a", "F9")
            screen.release("a", "F9")
        waiting = threading.Thread(target=key.wait)
        waiting.start()
        wait_until(lambda: len(happened) >= 10, "the presses")
        screen.press("a")
        screen.release("a")
        key.stop()
        waiting.join()
    assert happened == ["press", "release"] * 5


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # python-xlib leaves its sockets to the collector
@pytest.mark.parametrize("where", ["", ":9999"])
def test_without_a_server_it_says_what_to_set(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of Wayland or of ssh has none: one sentence, and no traceback of python-xlib's."""
    monkeypatch.setenv("DISPLAY", where)
    with hushd_error("no_device", r"There is no X server that can be used \(.+\): set DISPLAY\.$"):
        GlobalKey(parse("F9"), list, list)
    gc.collect()


def test_a_key_that_repeats_counts_once_and_a_server_that_goes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dictation ends with a sentence where the desktop ends, and has begun no second one while the key was held."""
    readable, write = os.pipe()
    os.write(write, b".")
    gone = error.ConnectionClosedError("server")
    pressed, let_go = (SimpleNamespace(type=kind, detail=75) for kind in (X.KeyPress, X.KeyRelease))
    fake = MagicMock(fileno=lambda: readable)
    fake.keysym_to_keycode.return_value = 75
    fake.pending_events.side_effect = [1, 1, 1, 0, gone]
    fake.next_event.side_effect = [pressed, pressed, let_go]
    monkeypatch.setattr(display, "Display", lambda: fake)
    happened: list[str] = []
    key = GlobalKey(parse("F9"), lambda: happened.append("press"), lambda: happened.append("release"))
    try:
        with hushd_error("no_device", "The X server has gone"):
            key.wait()
    finally:
        os.close(readable)
        os.close(write)
    assert happened == ["press", "release"]

"""A global key on a real X server: each press and each release counts, however late it is read."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hushd_desktop.dictation.keys import parse
from hushd_desktop.dictation.x11 import GlobalKey
from support.peer import wait_until

from .. import desktop
from ..desktop import Desktop

pytestmark = pytest.mark.skipif(bool(desktop.missing()), reason=f"not installed: {desktop.missing()}")


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

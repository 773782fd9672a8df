"""Typing through the virtual keyboard of wlroots' compositors: a real Sway without a screen, and a real terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_desktop.dictation.outputs import Wtype
from support.peer import wait_until

from .. import sway

LACKS = sway.missing("wtype", "foot")
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"not installed: {LACKS}")


@pytest.fixture
def terminal(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    program = f"foot sh -c 'stty -echo; echo > {runtime}/ready; cat > {runtime}/typed'"
    with sway.desktop(runtime, program) as display:
        wait_until((runtime / "ready").exists, "the terminal")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        monkeypatch.setenv("WAYLAND_DISPLAY", display)
        yield runtime / "typed"


def test_typing(terminal: Path) -> None:
    """Whatever the characters are, none is lost, and the last ones can be deleted."""
    typist = Wtype()
    typist.type("Grüße, 日本 ok")
    typist.delete(2)
    typist.type("yes!\n")
    wait_until(terminal.read_text, "a line")
    assert terminal.read_text() == "Grüße, 日本 yes!\n"

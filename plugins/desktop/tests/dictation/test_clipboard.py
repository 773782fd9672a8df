"""The clipboard as a place of dictated text."""

from __future__ import annotations

import sys

import pytest
from hushd_desktop.dictation.outputs import Clipboard
from hushd_protocol.errors import HushdError

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has one")


def test_what_a_clipboard_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desktop, which no program helps against; with one, the program of its kind."""
    for variable in ("WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(HushdError, match="no desktop with a clipboard"):
        Clipboard()
    monkeypatch.setenv("PATH", "/nonexistent")
    for variable, package in (("DISPLAY", "xclip"), ("WAYLAND_DISPLAY", "wl-clipboard")):
        monkeypatch.setenv(variable, ":0")
        with pytest.raises(HushdError, match=f"apt install {package}"):
            Clipboard()

"""The clipboard as a place of dictated text, and the selection as the source of text that is read aloud."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hushd_desktop.dictation.outputs import Clipboard
from hushd_desktop.read_selection import selected
from hushd_protocol.errors import HushdError

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS always has one")


@pytest.mark.parametrize(("use", "sentence"), [
    (Clipboard, "no desktop with a clipboard"), (selected, "neither WAYLAND_DISPLAY nor DISPLAY is set"),
])  # fmt: skip
def test_what_they_lack_is_named(use: Callable[[], object], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desktop, which no program helps against; with one, the program of its kind."""
    for variable in ("WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(HushdError, match=sentence):
        use()
    monkeypatch.setenv("PATH", "/nonexistent")
    for variable, package in (("DISPLAY", "xclip"), ("WAYLAND_DISPLAY", "wl-clipboard")):
        monkeypatch.setenv(variable, ":0")
        with pytest.raises(HushdError, match=f"apt install {package}"):
            use()

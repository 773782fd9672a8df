"""Names of keys, as people write them."""

from __future__ import annotations

import queue
import sys
from argparse import Namespace

import pytest
from hushd import HushdError
from hushd_desktop.dictation import waiting
from hushd_desktop.dictation.keys import keysym, parse
from support.refusals import hushd_error


@pytest.mark.parametrize(("text", "name", "trigger"), [
    ("F9", "F9", "F9"), ("f12", "F12", "F12"), ("Super+d", "Super+d", "LOGO+d"), ("cmd+D", "Super+d", "LOGO+d"),
    (" ctrl + ALT + space", "Ctrl+Alt+space", "CTRL+ALT+space"),
    ("alt+ctrl+Enter", "Ctrl+Alt+Return", "CTRL+ALT+Return"),
    ("XF86AudioMicMute", "XF86AudioMicMute", "XF86AudioMicMute"),
])  # fmt: skip
def test_a_key(text: str, name: str, trigger: str) -> None:
    """Modifiers have one order and one name each, and portals their own."""
    key = parse(text)
    assert (str(key), key.trigger) == (name, trigger)


@pytest.mark.parametrize("text", ["", "+", "Ctrl+", "Foo+d", "Ctrl", "Super+Shift"])
def test_no_key(text: str) -> None:
    """It is refused with an example."""
    with pytest.raises(HushdError, match="a key is written as F9"):
        parse(text)


def test_keysyms() -> None:
    """Latin-1 has its own numbers, everything else those of Unicode, and line breaks are keys."""
    assert [keysym(sign) for sign in "aü\n\b€\U0001f600"] == [0x61, 0xFC, 0xFF0D, 0xFF08, 0x10020AC, 0x101F600]


def test_a_key_without_a_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by the display that lacks, where python-xlib may lack too."""
    monkeypatch.setenv("DISPLAY", "")
    monkeypatch.setenv("WAYLAND_DISPLAY", "")
    monkeypatch.setitem(sys.modules, "Xlib", None)
    monkeypatch.delitem(sys.modules, "hushd_desktop.dictation.x11", raising=False)
    with hushd_error("no_device", has="DISPLAY is not set"):
        waiting._key(Namespace(key=parse("F9"), toggle=False), queue.SimpleQueue())

"""Names of keys, as people write them."""

from __future__ import annotations

import pytest
from hushd import HushdError
from hushd_desktop.dictation.keys import keysym, parse


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

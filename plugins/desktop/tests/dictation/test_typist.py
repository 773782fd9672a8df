"""Typing by a keyboard of X11 that lacks most characters, read by a program that has the time only now and then."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from hushd_desktop.dictation import x11
from hushd_desktop.dictation.keys import keysym
from hushd_desktop.dictation.x11 import Typist
from support.refusals import hushd_error
from Xlib import XK, X, display

LETTERS = "abcdefghijklmnopqrstuvwxyz -"
SHIFT, CTRL, INSERT = 50, 37, 118


class Keyboard:
    """Stands for an X server with letters, and so many keys without a meaning. A program reads its keys by what they
    mean once it has the time: while the typist sleeps, and at the end."""

    def __init__(self, free: int) -> None:
        self.display = SimpleNamespace(info=SimpleNamespace(min_keycode=8, max_keycode=119 + free))
        self.keys = {
            60 + place: (keysym(letter), keysym(letter.upper()) if letter.isalpha() else 0)
            for place, letter in enumerate(LETTERS)
        }
        others = {SHIFT: "Shift_L", CTRL: "Control_L", INSERT: "Insert"}
        self.keys |= {code: (XK.string_to_keysym(name), 0) for code, name in others.items()}
        taken = (0xFFC8, 0)  # F11 stands for all keys but letters
        self.keys |= {code: taken for code in range(8, 120) if code not in self.keys}
        self.held: set[int] = set()
        self.read: list[str] = []
        self._asked: list[tuple[int, ...]] = []
        self._unread: list[tuple[int, bool]] = []

    def query_extension(self, name: str) -> bool:
        return name == "XTEST"

    def query_keymap(self) -> list[int]:
        return [sum(1 << bit for bit in range(8) if 8 * byte + bit in self.held) for byte in range(32)]

    def keysym_to_keycodes(self, sought: int) -> list[tuple[int, int]]:
        return [(code, level) for code, both in self.keys.items() for level in (0, 1) if both[level] == sought]

    def keysym_to_keycode(self, sought: int) -> int:
        return next(iter(self.keysym_to_keycodes(sought)), (0, 0))[0]

    def get_keyboard_mapping(self, low: int, count: int) -> list[tuple[int, int]]:
        return [self.keys.get(code, (0, 0)) for code in range(low, low + count)]

    def change_keyboard_mapping(self, code: int, meanings: Sequence[Sequence[int]]) -> None:
        self._asked.append((code, *meanings[0]))

    def fake_input(self, _: object, kind: int, code: int) -> None:
        self._asked.append((code, kind == X.KeyPress))

    def sync(self) -> None:
        for code, *what in self._asked:
            if len(what) == 2:
                self.keys[code] = what[0], what[1]
                continue
            (self.held.add if what[0] else self.held.discard)(code)
            if what[0] and code != SHIFT:
                self._unread.append((code, SHIFT in self.held))
        self._asked.clear()

    def sleep(self, _: float) -> None:
        self.read += [chr(self.keys[code][shifted] & 0xFFFFFF) for code, shifted in self._unread]
        self._unread.clear()

    def close(self) -> None:
        self.sync()
        self.sleep(0)


def typist(keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch) -> Typist:
    monkeypatch.setattr(display, "Display", lambda: keyboard)
    monkeypatch.setattr(x11, "xtest", keyboard)
    monkeypatch.setattr(x11, "time", keyboard)
    return Typist()


@pytest.mark.parametrize("free", [1, 2, 3, 9])
def test_any_text_is_typed_with_few_free_keys(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is lent to another character keeps its earlier characters, and all are given back; Ctrl, which
    is held for push-to-talk, makes no command of a letter."""
    keyboard = Keyboard(free)
    keyboard.held.add(CTRL)
    types = typist(keyboard, monkeypatch)
    text = "Grüße aus Łódź - 你好 你们好 ß"
    types.type(text)
    assert CTRL not in keyboard.held
    types.close()
    assert "".join(keyboard.read) == text
    assert not any(any(keyboard.keys.get(code, ())) for code in range(120, 120 + free))


def test_a_keyboard_without_a_free_key_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own characters are typed; for another there is the clipboard."""
    types = typist(keyboard := Keyboard(0), monkeypatch)
    types.type("Hello")
    with hushd_error("no_device", "no free key for other characters: use --output clipboard"):
        types.type("ß")
    types.close()
    assert "".join(keyboard.read) == "Hello"

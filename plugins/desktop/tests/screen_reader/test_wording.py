"""The reading of a screen reader's messages."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_desktop.screen_reader.settings import Settings
from hushd_desktop.screen_reader.wording import Kind, utterance


def said(kind: Kind, message: str, **settings: Any) -> str:
    return utterance(kind, message, Settings(**settings)).text


@pytest.mark.parametrize(
    ("sign", "text"),
    [("a", "A"), ("A", "A"), ("7", "7"), (" ", "space"), (".", "dot"), ("ß", "SS"), ("→", "rightwards arrow"),
     ("é", "É"), ("\ue000", "\ue000"), ("newline", "newline")],
)  # fmt: skip
def test_a_character(sign: str, text: str) -> None:
    """Letters are read as letters, everything else by its name."""
    assert said("CHAR", sign) == text


def test_a_capital() -> None:
    """It is told by a word, by a higher voice, or not at all."""
    assert said("CHAR", "A", cap_let_recogn="spell") == "capital A"
    assert said("CHAR", "a", cap_let_recogn="spell") == "A"
    capital, small = (utterance("CHAR", sign, Settings()).capital for sign in "Aa")
    assert Settings(cap_let_recogn="icon").tone(capital) > Settings(cap_let_recogn="icon").tone(small) == 1
    assert Settings(cap_let_recogn="none").tone(capital) == 1


@pytest.mark.parametrize(
    ("key", "text"),
    [("a", "A"), ("control_shift_a", "control shift A"), ("KP_5", "keypad 5"), ("_", "underscore"),
     ("Prior", "page up"), ("alt_.", "alt dot"), ("__", "__")],
)  # fmt: skip
def test_a_key(key: str, text: str) -> None:
    """Its parts are words."""
    assert said("KEY", key) == text


@pytest.mark.parametrize(("mode", "text"), [
    ("none", "a_b (c), d."), ("some", "a underscore b (c), d."),
    ("most", "a underscore b  left parenthesis c right parenthesis , d."),
    ("all", "a underscore b  left parenthesis c right parenthesis  comma, d dot."),
])  # fmt: skip
def test_punctuation(mode: str, text: str) -> None:
    """Only as much of it is read as is wanted; the pause of a mark stays."""
    assert said("SPEAK", "a_b (c), d.", punctuation_mode=mode) == text


def test_marks_of_plain_text() -> None:
    """speech-dispatcher's own stand in any text; they are found, and entities are what they stand for."""
    message = '<speak>One &lt; two.<mark name="__spd_0"/> Three &amp; four.<mark name="__spd_1"/></speak>'
    found = utterance("SPEAK", message, Settings())
    assert found.text == "One < two. Three & four."
    assert [(found.text[place:][:5], name) for place, name in found.marks] == [(" Thre", "__spd_0"), ("", "__spd_1")]


def test_commands_of_other_programs_are_text() -> None:
    """Nothing on a screen changes the voice or is left out: neither commands of macOS's say nor marks of thoughts, nor
    the text of wrong markup."""
    assert said("SPEAK", "[[volm 0]] hello") == "[ [volm 0]] hello"
    assert said("SPEAK", "&lt;think&gt; hello") == "< think> hello"
    assert said("SPEAK", "<speak>One <b>two three four</speak>") == "One two three four"

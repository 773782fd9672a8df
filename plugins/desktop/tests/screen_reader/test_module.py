"""Tests of the voice that the module chooses, by what speech-dispatcher sets before a message."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from hushd import Voice
from hushd.client import Client
from hushd_desktop.screen_reader.module import Module
from hushd_desktop.screen_reader.protocol import DispatcherConnection
from hushd_desktop.screen_reader.settings import Settings


def made(name: str, language: str, engine: str, gender: str = "") -> Voice:
    return Voice(
        name=name, language=language, engine=engine, gender=gender, model="", installed=True, sample="", wpm=170
    )


VOICES = [
    made("heart", "en-US", "hibari", "female"),
    made("adam", "en-US", "kokoro", "male"),
    made("joe", "en-US", "piper"),
    made("emma", "en-GB", "kokoro", "female"),
    made("espeak-ca", "ca", "espeak-ng", "male"),
    made("espeak-fi", "fi", "espeak-ng", "male"),
    made("dora", "pt-BR", "kokoro", "female"),
]


@pytest.mark.parametrize(
    ("name", "language", "gender", "chosen"),
    [
        ("", "en-US", "male", "adam"), ("", "en-US", "", None),
        ("", "en", "", None), ("", "en_GB", "male", "emma"), ("", "pt-PT", "", "dora"),
        ("", "c", "male", None), ("", "posix", "", None), ("", "fil", "male", None), ("", "", "male", None),
        ("emma", "c", "", "emma"), ("hibari/heart", "", "", "heart"),
    ],
)  # fmt: skip
def test_a_voice_speaks_the_language(name: str, language: str, gender: str, chosen: str | None) -> None:
    """A language is told by its whole code, so that the locale C does not mean Catalan; else hushd chooses."""
    client = create_autospec(Client, instance=True)
    client.voices.return_value = VOICES
    module = Module(create_autospec(DispatcherConnection, instance=True), client)
    assert module._choose(name, language, gender).get("voice") == chosen


@pytest.mark.parametrize(
    ("voice", "gender"),
    [("male1", ""), ("MALE1", ""), ("male2", "male"), ("FEMALE1", "female"), ("child_female", "female"), ("", "")],
)
def test_a_voice_that_nobody_chose_has_no_gender(voice: str, gender: str) -> None:
    """speech-dispatcher sends male1 for whoever leaves its settings alone, who then hears hushd's usual voice."""
    assert Settings(voice=voice).gender == gender

"""Tests of the voice that the module chooses, by what speech-dispatcher sets before a message."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
from hushd import Voice
from hushd.client import Client
from hushd_desktop.screen_reader import module, protocol
from hushd_desktop.screen_reader.module import STOP_DELAY_S, Module, Speaking
from hushd_desktop.screen_reader.protocol import DispatcherConnection
from hushd_desktop.screen_reader.settings import Settings
from hushd_desktop.screen_reader.wording import Utterance


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


@pytest.mark.parametrize("text", ["Hello.", " "])
def test_a_message_is_begun_spoken_and_ended(text: str) -> None:
    """Marks that nobody heard are reported at its end, or the screen reader would wait for them; blank text has no
    sound."""
    connection, client = (create_autospec(kind, instance=True) for kind in (DispatcherConnection, Client))
    client.synthesize.return_value.__iter__.return_value = [b"\1\1" * 800] * 2
    client.synthesize.return_value.rate = 8000
    Speaking(connection, client, Utterance(text, ((0, "first"), (5, "last"))), Settings()).run({"voice": "amy"})
    assert [each.args for each in connection.answer.mock_calls] == [(protocol.BEGIN,), (protocol.END,)]
    assert [each.args for each in connection.mark.mock_calls] == [("first",), ("last",)]
    assert sum(len(each.args[0]) for each in connection.audio.mock_calls) == (3200 if text.strip() else 0)


@pytest.mark.parametrize(("spoken_s", "waits_s"), [(0.0, STOP_DELAY_S), (0.01, STOP_DELAY_S - 0.01), (5.0, 0.0)])
def test_a_stop_is_reported_when_the_server_can_hear_it(
    spoken_s: float, waits_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once: it hangs on an answer to the stop while it still handles the one before. Later at once."""
    connection, client = (create_autospec(kind, instance=True) for kind in (DispatcherConnection, Client))
    now, slept = 1000.0, list[float]()

    client.synthesize.return_value.__iter__.return_value = [b"\1\1" * 800] * 2
    client.synthesize.return_value.rate = 8000

    def heard(*_: object) -> None:
        nonlocal now
        now += spoken_s
        speaking.stop()

    connection.audio.side_effect = heard
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now, sleep=slept.append))
    speaking = Speaking(connection, client, Utterance("Hello."), Settings())
    speaking.run({})
    assert (len(connection.audio.mock_calls), slept) == (1, [pytest.approx(waits_s)])


@pytest.mark.parametrize(("end", "answer"), [("stop", protocol.STOPPED), ("pause", protocol.PAUSED)])
def test_a_message_that_is_stopped_before_it_speaks_is_silent(end: str, answer: str) -> None:
    """Nothing is made for whoever has gone on to the next line; the server learns that it was stopped, or paused."""
    connection, client = (create_autospec(kind, instance=True) for kind in (DispatcherConnection, Client))
    speaking = Speaking(connection, client, Utterance("Hello."), Settings())
    getattr(speaking, end)()
    speaking.run({})
    assert [each.args for each in connection.answer.mock_calls] == [(protocol.BEGIN,), (answer,)]
    assert not client.synthesize.called
    assert not connection.audio.called

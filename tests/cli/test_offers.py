"""Whoever's session is not in English is told once, at a terminal, which command brings their language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_cli import offers
from hushd_models import inventory
from hushd_models.choice.voices import VoiceChoice
from hushd_models.inventory import Row
from hushd_protocol.system import paths


def test_a_session_in_another_language_is_told_of_its_line_once(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is told it, no session in English, and nobody who has set their languages."""
    said: list[str] = []
    monkeypatch.setattr(offers.console, "complain", said.append)
    config = paths.find().config
    config.parent.mkdir(parents=True, exist_ok=True)
    for session, person, text, told in (
        ("C.UTF-8", True, "", 0),
        ("en_GB.UTF-8", True, "", 0),
        ("fr_FR.UTF-8", False, "", 0),
        ("fr_FR.UTF-8", True, 'languages = ["fr"]\n', 0),
        ("fr_FR.UTF-8", True, "", 1),
        ("fr_FR.UTF-8", True, "", 1),
    ):
        monkeypatch.setenv("LC_ALL", session)
        monkeypatch.setattr(offers, "_is_person", lambda person=person: person)
        config.write_text(text)
        offers.mention_language()
        assert len(said) == told
    assert said == [
        "Your session is in French: `hushd get fr` has hushd speak and hear it. hushd itself knows English."
    ]


@pytest.mark.parametrize(("here", "told"), [
    (("stt/faster-whisper", "tts/kokoro"), 0), (("stt/faster-whisper", "tts/espeak-ng"), 1),
    (("stt/faster-whisper",), 1), (("tts/kokoro",), 1),
])  # fmt: skip
def test_what_is_here_is_not_advised(
    here: tuple[str, ...], told: int, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hears and speaks their language already is told nothing; a robotic voice alone is not enough."""
    said: list[str] = []
    monkeypatch.setattr(offers.console, "complain", said.append)
    monkeypatch.setattr(offers, "_is_person", lambda: True)
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")

    def serving(_: object, role: str, language: str) -> Iterator[Row]:
        assert language == "fr"
        yield from (Row(f"{name.partition('/')[2]}/any", role, "installed") for name in here if name.startswith(role))

    monkeypatch.setattr(inventory, "serving", serving)
    offers.mention_language()
    assert len(said) == told


def test_a_voice_that_is_too_slow_is_named_once(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person learns why another voice speaks, and how to choose this one; a program is told nothing."""
    said: list[str] = []
    monkeypatch.setattr(offers.console, "complain", said.append)
    for person, model, told in ((False, "v1.0", 0), (True, "v1.0", 1), (True, "v1.0", 1), (True, "v2", 2)):
        monkeypatch.setattr(offers, "_is_person", lambda person=person: person)
        offers.mention_slow_voice(VoiceChoice("kokoro", model, "ff_siwis"), 5.04 if model == "v1.0" else 0.0)
        assert len(said) == told
    for text, model, pace in zip(said, ("v1.0", "v2"), ("5.0 s", "more than a second"), strict=True):
        assert text.startswith(f"kokoro/{model} did not speak, since it computes {pace} for a second of sound here: ")
        assert text.endswith(": `say --voice kokoro/ff_siwis` has it speak.")

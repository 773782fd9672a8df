"""The voice for a text whose language nobody has named."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd.synthesis.text_voice import OtherVoice, other_voice
from hushd_schema.description import SpeakingDescription

GERMAN = "Guten Morgen, wie geht es dir heute?"
ENGLISH = "Good morning, this is the news of the day."


def voice(name: str, language: str) -> dict[str, Any]:
    return {"name": name, "language": language, "model": "m", "installed": True}


def catalogue(*voices: dict[str, Any]) -> SpeakingDescription:
    engine = {"name": "hibari", "installed": True, "default_voice": voices[0]["name"], "models": []}
    return SpeakingDescription.from_data({"default": "hibari/m", "engines": [engine | {"voices": list(voices)}]})


HEART, ANNA = voice("heart", "en-US"), voice("anna", "de-DE")


def never() -> SpeakingDescription:
    raise AssertionError("the voices were looked up")


@pytest.mark.parametrize(
    ("text", "voices", "found"),
    [
        (GERMAN, [HEART, ANNA], OtherVoice("anna", "de", "German")),
        (GERMAN, [HEART], None),
        (GERMAN, [ANNA, HEART], None),
        (ENGLISH, [ANNA, HEART], None),
    ],
)
def test_another_voice(text: str, voices: list[dict[str, Any]], found: OtherVoice | None, tmp_path: Path) -> None:
    """One that is here and speaks the language, where the usual one does not."""
    assert other_voice(text, tmp_path / "none", lambda: catalogue(*voices)) == found


def test_a_configured_voice(tmp_path: Path) -> None:
    """It may speak any language, so English is looked up too."""
    config = tmp_path / "config.toml"
    config.write_text('stt = "x/y"\ntts = "hibari/m"\n')
    found = other_voice(ENGLISH, config, lambda: catalogue(ANNA, HEART))
    assert found == OtherVoice("heart", "en", "English")


@pytest.mark.parametrize("text", [ENGLISH, "Yes.", "Guten Morgen.", "", "1 2 3 4 5 6 7"])
def test_usual_texts_cost_no_look_up(text: str, tmp_path: Path) -> None:
    """English, and doubtful text."""
    config = tmp_path / "config.toml"
    config.write_text("keep_alive = 0\n# tts = 'piper'\n")
    assert other_voice(text, config, never) is None


@pytest.mark.parametrize(
    ("given", "options"),
    [({}, {"language": "de"}), ({"voice": "heart"}, {"voice": "heart"}), ({"language": "en"}, {"language": "en"})],
)
def test_agents_too(given: dict[str, Any], options: dict[str, Any], runtime: Path) -> None:
    """Their tools take such a voice, unless they name one or a language."""
    from hushd_mcp import work

    client: Any = SimpleNamespace(describe=lambda role: SimpleNamespace(tts=catalogue(HEART, ANNA)))
    assert work._prepared(client, "api", GERMAN, given).options == options

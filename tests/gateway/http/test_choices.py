"""Which model and voice a request means, and how seldom the engines are listed for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hushd_gateway.http import choices
from hushd_gateway.http.choices import Model
from hushd_gateway.http.context import Context
from hushd_supervisor.core.settings import HttpSettings, Settings

STT = {
    "engines": [
        {"name": "moonshine", "models": [{"name": "tiny-en", "languages": ["en"], "installed": True}]},
        {"name": "faster-whisper", "models": [{"name": "small", "languages": ["en", "de"], "installed": True}]},
    ]
}
TTS = {
    "engines": [
        {
            "name": "piper",
            "models": [{"name": "en_GB-alan", "installed": True}],
            "voices": [{"name": "alan", "model": "en_GB-alan"}],
        }
    ]
}
ALIASES = HttpSettings(models={"mine": "faster-whisper/small", "whisper-1": "auto"}, voices={"boss": "alan"})
SETTINGS = Settings(stt="moonshine/tiny-en", http=ALIASES)


@pytest.mark.parametrize(
    ("name", "language", "meant"),
    [
        ("", "", Model()),
        ("gpt-4o-transcribe", "en", Model()),
        ("gpt-4o-mini-transcribe-2025-12-15", "", Model()),
        ("Systran/faster-distil-whisper-large-v3", "", Model()),
        ("gpt-4o-transcribe", "de", Model(None, "auto")),
        ("auto", "", Model(None, "auto")),
        ("faster-whisper/small", "", Model("faster-whisper", "small")),
        ("small", "", Model("faster-whisper", "small")),
        ("mine", "", Model("faster-whisper", "small")),
        ("whisper-1", "", Model(None, "auto")),
    ],
)
def test_a_models_name_means_itself_an_alias_or_the_default(name: str, language: str, meant: Model) -> None:
    """OpenAI's names and unknown ones mean the default, or the best that knows the language; aliases come first."""
    assert choices.stt(STT, SETTINGS, name, language) == meant


def test_a_translation_needs_the_best_that_can() -> None:
    """Whatever the default is, unless a model is named."""
    assert choices.stt(STT, SETTINGS, "gpt-4o-transcribe", translate=True) == Model(None, "auto")
    assert choices.stt(STT, SETTINGS, "small", translate=True) == Model("faster-whisper", "small")


def test_an_openai_voice_gives_way_to_a_models_only_one() -> None:
    """Programs that insist on a voice of OpenAI's can use a model with one voice."""
    assert choices.tts(TTS, SETTINGS, "piper/en_GB-alan", "alloy") == ("piper/en_GB-alan", "alan")
    assert choices.tts(TTS, SETTINGS, "piper", "alan") == ("piper/en_GB-alan", "alan")
    assert choices.tts(TTS, SETTINGS, "kokoro", "alloy") == (None, "alloy")


class Describer:
    """A client that counts how often the engines are listed."""

    def __init__(self) -> None:
        self.count = 0

    async def describe(self, role: str) -> dict[str, Any]:
        self.count += 1
        return {role: STT if role == "stt" else TTS}


def test_usual_requests_list_no_engines() -> None:
    """Neither OpenAI's names, nor a language that the default is known to hear, nor a voice's alias need the list."""

    async def run() -> None:
        client = Describer()
        there = Context(client, SETTINGS)  # type: ignore[arg-type]
        assert await there.stt("gpt-4o-transcribe", "en") == Model()
        assert await there.tts("gpt-realtime", "boss") == (None, "alan")
        assert client.count == 0

    asyncio.run(run())


def test_a_known_name_waits_for_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a name that is new is looked up in what is installed now; for the others the list is renewed meanwhile."""
    monkeypatch.setattr("hushd_gateway.http.context.FRESH_S", -1.0)

    async def run() -> None:
        client = Describer()
        there = Context(client, SETTINGS)  # type: ignore[arg-type]
        for count in (1, 1):
            assert await there.stt("small") == Model("faster-whisper", "small")
            assert client.count == count
        await asyncio.sleep(0)
        assert client.count == 2
        await there.stt("tiny-en")
        assert client.count == 3

    asyncio.run(run())

"""The model and voice that a request means, and how seldom the engines are listed for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hushd.synthesis.voices import ALIASES as OPENAI_VOICES
from hushd.synthesis.voices import choose
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_gateway import routing
from hushd_gateway.http.context import Context
from hushd_gateway.http.transcription import formats
from hushd_gateway.routing import Model
from hushd_models import catalogue as known_models
from hushd_models import listed
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.description import Descriptions, HearingDescription, SpeakingDescription, SpeakingEngine
from hushd_schema.settings import HttpSettings, Settings
from hushd_worker_tts.registry import REGISTRY

STT = {
    "role": "stt",
    "engines": [
        {"name": "moonshine", "models": [{"name": "tiny-en", "languages": ["en"], "installed": True}]},
        {"name": "faster-whisper", "models": [{"name": "small", "languages": ["en", "de"], "installed": True}]},
    ],
}
TTS = {
    "role": "tts",
    "engines": [
        {
            "name": "piper",
            "models": [{"name": "en_GB-alan", "installed": True}],
            "installed": True,
            "voices": [{"name": "alan", "engine": "piper", "model": "en_GB-alan", "language": "en", "installed": True}],
        }
    ],
}
KOKORO = SpeakingEngine.from_data(
    {
        "name": "kokoro",
        "models": [{"name": "kokoro-v1.0", "installed": False}],
        "voices": [
            {"name": "af_sky", "language": "en-US", "gender": "female", "installed": False},
            {"name": "ff_siwis", "language": "fr-FR", "gender": "female", "installed": False},
            {"name": "am_adam", "language": "en-US", "gender": "male", "installed": True},
        ],
    }
)
HEARING, SPEAKING = HearingDescription.from_data(STT), SpeakingDescription.from_data(TTS)
ALIASES = HttpSettings(models={"mine": "faster-whisper/small", "whisper-1": "auto"}, voices={"boss": "alan"})
SETTINGS = Settings(stt="moonshine/tiny-en", http=ALIASES)


def test_the_names_that_programs_have_built_in_speak_on_the_default_install() -> None:
    """OpenAI's thirteen and kokoro's English names, by the engines' own catalogue: each means a voice that is here,
    also where a voice of that name could be pulled, as hibari's `fable`."""
    described = REGISTRY.describe()
    here = {voice.name for voice in described.voices() if voice.installed}
    kokoros = [voice.name for voice in known_models.voices("kokoro") if voice.language.startswith("en")]
    assert "fable" in {voice.name for voice in described.voices()} - here
    for name in (*OPENAI_VOICES, *kokoros):
        asked = routing.fallback_voice(described, name) or (name, None)
        assert choose(described, *asked).voice in here, name


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
    assert routing.stt(HEARING, SETTINGS, name, language) == meant


def test_a_translation_needs_the_best_that_can() -> None:
    """Whatever the default is, unless a model is named."""
    assert routing.stt(HEARING, SETTINGS, "gpt-4o-transcribe", translate=True) == Model(None, "auto")
    assert routing.stt(HEARING, SETTINGS, "small", translate=True) == Model("faster-whisper", "small")


def test_words_need_an_engine_that_knows_their_times() -> None:
    """The default gives way to one that does; a model that was named is refused, and so are words that nobody knows."""
    moonshine, whisper = HEARING.engines
    able = replace(HEARING, engines=(moonshine, replace(whisper, word_times=True)))
    assert routing.stt(able, SETTINGS, "", words=True) == Model("faster-whisper", "auto")
    assert routing.stt(able, SETTINGS, "auto", words=True) == Model("faster-whisper", "auto")
    assert routing.stt(able, SETTINGS, "small", words=True) == Model("faster-whisper", "small")
    assert routing.stt(able, Settings(stt="faster-whisper/small"), "", words=True) == Model()
    with pytest.raises(HushdError, match=r"moonshine does not know .* choose a model of faster-whisper"):
        routing.stt(able, SETTINGS, "tiny-en", words=True)
    with pytest.raises(
        HushdError,
        match=r"No installed model knows when each word is said: faster-whisper/small does once .*`hushd models pull",
    ):
        routing.stt(HEARING, SETTINGS, "", words=True)


def test_words_need_a_model_that_knows_their_times() -> None:
    """Of an engine whose models differ, only those count that know them: by name, as the default, and when chosen."""
    moonshine, whisper = HEARING.engines
    small = whisper.models[0]
    models = (replace(small, name="plain", word_times=False), replace(small, name="timed", word_times=True))
    mixed = replace(HEARING, engines=(moonshine, replace(whisper, models=models)))
    assert routing.stt(mixed, SETTINGS, "", words=True) == Model("faster-whisper", "timed")
    assert routing.stt(mixed, SETTINGS, "timed", words=True) == Model("faster-whisper", "timed")
    assert routing.stt(mixed, Settings(stt="faster-whisper/timed"), "", words=True) == Model()
    assert routing.stt(mixed, Settings(stt="faster-whisper/plain"), "", words=True) == Model("faster-whisper", "timed")
    with pytest.raises(HushdError, match=r"faster-whisper/plain does not know .* choose a model of faster-whisper"):
        routing.stt(mixed, SETTINGS, "plain", words=True)


def test_words_are_shown_with_their_times() -> None:
    """`verbose_json` has `words` and no segments, where words alone are wanted."""
    words = (Word("Good", 0.5, 0.9), Word(" morning.", 1.0, 1.4))
    transcript = Transcript([Segment(0, 0.5, 1.4, "Good morning.", words)], "en", 2.0)
    found = formats.verbose(transcript, "transcribe", words=True, segments=False)
    assert [word["word"] for word in found["words"]] == ["Good", "morning."]
    assert found["words"][1] == {"word": "morning.", "start": 1.0, "end": 1.4}
    assert "segments" not in found


def test_an_openai_voice_gives_way_to_a_models_only_one() -> None:
    """Programs that insist on a voice of OpenAI's can use a model with one voice."""
    assert routing.tts(SPEAKING, SETTINGS, "piper/en_GB-alan", "alloy") == ("piper", "en_GB-alan", "alan")
    assert routing.tts(SPEAKING, SETTINGS, "piper", "alan") == ("piper", "en_GB-alan", "alan")
    assert routing.tts(SPEAKING, SETTINGS, "kokoro", "alloy") == (None, None, "alloy")


def test_a_speaker_is_the_voice_in_the_models_name() -> None:
    """Programs made for speaches send piper's model and its speaker; a voice of the language stands in for it."""
    for model in ("speaches-ai/piper-fr_FR-tom-medium", "piper/fr_FR-tom-medium"):
        assert routing.tts(SPEAKING, SETTINGS, model, "tom").voice == "fr_FR-tom-medium"
        assert routing.tts(SPEAKING, SETTINGS, model, "alan").voice == "alan"
    assert routing.fallback_voice(SPEAKING, "fr_FR-tom-medium") == (None, "fr-FR")


def test_a_voice_of_kokoros_that_is_not_installed_has_a_fallback() -> None:
    """Of its gender and language: programs made for kokoro's servers have its names built in, and no other model's."""
    both = replace(SPEAKING, engines=(*SPEAKING.engines, KOKORO))
    without = replace(SPEAKING, engines=(*SPEAKING.engines, replace(KOKORO, voices=())))
    for catalogue in (both, SPEAKING, without):
        assert routing.fallback_voice(catalogue, "af_sky") == ("alloy", "en")
        assert routing.fallback_voice(catalogue, "ff_siwis") == ("alloy", "fr")
        assert routing.fallback_voice(catalogue, "bm_george") == ("ash", "en")
        assert routing.fallback_voice(catalogue, "bm_george(2)+af_sky") == ("ash", "en")
        assert routing.fallback_voice(catalogue, "alan") is None
        assert routing.fallback_voice(catalogue, "af_nobody") is None
    catalogue = both
    assert routing.fallback_voice(catalogue, "am_adam") is None
    assert routing.fallback_voice(catalogue, "am_adam+am_adam") is None
    assert routing.tts(catalogue, SETTINGS, "kokoro/kokoro-v1.0", "af_sky") == ("kokoro", "kokoro-v1.0", "af_sky")


def test_pipers_names_have_stand_ins() -> None:
    """Another quality of the same speaker, else the usual voice of the language."""
    voices = [{"name": "en_US-ryan-high", "language": "en-US", "installed": True}]
    catalogue = SpeakingDescription.from_data({"engines": [{"name": "piper", "voices": voices}]})
    assert routing.fallback_voice(catalogue, "en_US-ryan-low") == ("en_US-ryan-high", "en-US")
    assert routing.fallback_voice(catalogue, "en_US-lessac-medium") == (None, "en-US")
    assert routing.fallback_voice(catalogue, "de_DE-thorsten_emotional-x_low") == (None, "de-DE")
    assert routing.fallback_voice(catalogue, "en_US-ryan-high") is None
    assert routing.fallback_voice(catalogue, "en_US-ryan") is None


def test_a_repositorys_name_is_that_of_its_model() -> None:
    """That model answers where it is installed; elsewhere the default stands in."""
    engines = [{"name": "faster-whisper", "models": [{"name": "tiny.en", "installed": True, "languages": ["en"]}]}]
    catalogue = HearingDescription.from_data({"engines": engines})
    assert routing.stt(catalogue, SETTINGS, "Systran/faster-whisper-tiny.en") == ("faster-whisper", "tiny.en")
    assert routing.stt(catalogue, SETTINGS, "Systran/faster-whisper-small") == (None, None)


def test_a_voice_of_the_same_name_and_language_stands_in_first() -> None:
    """hibari's voices are called after those of kokoro's that they were made from."""
    spoken = {"heart": "en-US", "emma": "en-GB", "alex": "en-US"}
    voices = [{"name": name, "language": language, "installed": True} for name, language in spoken.items()]
    catalogue = SpeakingDescription.from_data({"engines": [{"name": "hibari", "voices": voices}]})
    assert routing.fallback_voice(catalogue, "af_heart") == ("heart", "en")
    assert routing.fallback_voice(catalogue, "bf_emma") == ("emma", "en")
    assert routing.fallback_voice(catalogue, "em_alex") == ("ash", "es")


class Describer:
    """A client that counts how often the engines are listed."""

    def __init__(self) -> None:
        self.count = 0

    async def describe(self, role: str) -> Descriptions:
        self.count += 1
        return Descriptions.from_data({role: STT if role == "stt" else TTS})


def test_usual_requests_list_no_engines() -> None:
    """Neither OpenAI's names nor a language that the default is known to hear need the list."""

    async def run() -> None:
        client = Describer()
        there = Context(client, SETTINGS)  # type: ignore[arg-type]
        assert await there.stt("gpt-4o-transcribe", "en") == Model()
        assert await there.tts("gpt-realtime", "") == (None, None, None)
        assert client.count == 0

    asyncio.run(run())


def test_other_requests_use_the_doors_list(runtime: Path) -> None:
    """The answer promised to polls is the one given; only without a door are the engines listed."""

    async def run() -> None:
        client = Describer()
        there = Context(client, SETTINGS)  # type: ignore[arg-type]
        assert await there.stt("small") == Model("faster-whisper", "small")
        assert client.count == 1
        only = replace(HEARING, engines=HEARING.engines[:1])
        listed.save(find().listed, Descriptions.from_data({"tts": TTS}).having("stt", only))
        there = Context(client, SETTINGS)  # type: ignore[arg-type]
        assert await there.stt("small") == Model()
        assert await there.tts("gpt-realtime", "boss") == ("piper", "en_GB-alan", "alan")
        assert client.count == 1

    asyncio.run(run())

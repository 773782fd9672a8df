"""The model and voice that a request means, and the words of its answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_gateway import routing
from hushd_gateway.http.transcription import formats
from hushd_gateway.routing import Engines, Model
from hushd_models import catalogue as known_models
from hushd_models import listings
from hushd_models.choice import models as model_choice
from hushd_models.choice.voices import ALIASES as OPENAI_VOICES
from hushd_models.choice.voices import choose
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.description import Descriptions, HearingDescription, SpeakingDescription, SpeakingEngine
from hushd_schema.results import ResultWarning
from hushd_schema.settings import HttpSettings, Settings
from hushd_schema.status import Status
from hushd_worker_tts.registry import REGISTRY
from msgspec.structs import replace

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


def test_a_name_of_several_engines_is_that_which_needs_least_memory() -> None:
    """A command line chooses so, too: the same model hears the same."""
    rows = [("onnx-asr", 500, True), ("whisper", 90, False), ("faster-whisper", 300, True)]
    engines = [
        {"name": name, "models": [{"name": "base", "languages": [], "memory_mb": memory_mb, "installed": installed}]}
        for name, memory_mb, installed in rows
    ]
    hearing = HearingDescription.from_data({"role": "stt", "engines": engines})
    assert routing.stt(hearing, SETTINGS, "base") == ("faster-whisper", "base")
    assert model_choice.find(hearing, "base") == ("faster-whisper", "base")


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


@pytest.mark.parametrize(("name", "language", "meant"), [
    ("", "", Model()), ("gpt-4o-transcribe", "en", Model()),
    ("gpt-4o-mini-transcribe-2025-12-15", "", Model()),
    ("Systran/faster-distil-whisper-large-v3", "", Model()),
    ("gpt-4o-transcribe", "de", Model(None, "auto")),
    ("auto", "", Model(None, "auto")),
    ("faster-whisper/small", "", Model("faster-whisper", "small")),
    ("small", "", Model("faster-whisper", "small")),
    ("mine", "", Model("faster-whisper", "small")),
    ("whisper-1", "", Model(None, "auto")),
])  # fmt: skip
def test_a_models_name_means_itself_an_alias_or_the_default(name: str, language: str, meant: Model) -> None:
    """OpenAI's names and unknown ones mean the default, or the best that knows the language; aliases come first."""
    assert routing.stt(HEARING, SETTINGS, name, language) == meant


def test_a_translation_needs_the_best_that_can() -> None:
    """Whatever the default is, unless a model is named."""
    assert routing.stt(HEARING, SETTINGS, "gpt-4o-transcribe", translate=True) == Model(None, "auto")
    assert routing.stt(HEARING, SETTINGS, "small", translate=True) == Model("faster-whisper", "small")


def test_log_probabilities_come_from_a_model_that_knows_them() -> None:
    """One that is named and whose options nobody knows may try; one that knows none is refused."""
    options = {"moonshine": [], "faster-whisper": ["probabilities"]}
    rows = [row | {"options": options[str(row["name"])], "word_times": True} for row in STT["engines"]]
    mine = {"name": "mine", "languages": [], "installed": True}
    rows.append({"name": "command", "word_times": True, "models": [mine]})
    untimed = {"name": "base", "languages": [], "installed": True, "word_times": False}
    rows.insert(0, {"name": "onnx-asr", "options": ["probabilities"], "word_times": True, "models": [untimed]})
    catalogue = HearingDescription.from_data({"role": "stt", "engines": rows})
    choose = partial(routing.stt, catalogue, SETTINGS, logprobs=True)
    assert choose("gpt-4o-transcribe") == Model(None, "auto")  # the best of those that do
    assert choose("command/mine") == Model("command", "mine")
    with pytest.raises(HushdError, match="onnx-asr does not know how likely each word is"):
        choose("onnx-asr/base")
    with pytest.raises(HushdError, match="moonshine does not know how likely each word is: choose a model of faster-"):
        choose("moonshine/tiny-en")


@pytest.mark.parametrize(("usual", "language", "needs", "model"), [
    ("moonshine/tiny-en", "", {"words": True}, "faster-whisper/base"),  # it tells languages apart
    ("moonshine/tiny-en", "en", {"words": True}, "onnx-asr/nemo-parakeet-tdt-0.6b-v2"),
    ("moonshine/tiny-en", "fr", {"words": True}, "faster-whisper/base"),
    ("moonshine/tiny-en", "fr", {"logprobs": True}, "faster-whisper/base"),
    ("moonshine/tiny-en", "fr", {"words": True, "translate": True}, "whisper/small"),
    ("whisper/small", "fr", {"words": True}, "/"),  # the usual one can
    ("whisper/small", "fr", {"logprobs": True}, "faster-whisper/base"),
    ("command/mine", "", {"logprobs": True}, "/"),  # nobody knows it
    ("moonshine/tiny-en", "auto", {"translate": True}, "whisper/small"),
])  # fmt: skip
async def test_words_are_timed_by_the_best_that_hears_the_language(
    usual: str, language: str, needs: dict[str, bool], model: str
) -> None:
    """The first engine that can may hear none of it, or its other models may."""
    english = {"name": "nemo-parakeet-tdt-0.6b-v2", "languages": ["en"], "installed": True}
    several = {"languages": ["en", "fr"], "installed": True}
    engines = [
        {"name": "moonshine", "models": [{"name": "tiny-en", "languages": ["en"], "installed": True}]},
        {"name": "onnx-asr", "word_times": True, "options": [], "models": [english]},
        {"name": "command", "word_times": True, "models": [{"name": "mine", "languages": [], "installed": True}]},
        {"name": "faster-whisper", "word_times": True, "options": ["probabilities"],
         "models": [several | {"name": "base"}, several | {"name": "small", "word_times": False}]},
        {"name": "whisper", "word_times": True, "translation": True, "options": [],
         "models": [several | {"name": "small"}]},
    ]  # fmt: skip

    class Client(Describer):
        async def describe(self, role: str) -> Descriptions:
            return Descriptions.from_data({"stt": {"engines": engines}})

    found = await Engines(Client(), Settings(stt=usual)).model("", language, **needs)  # type: ignore[arg-type]
    assert f"{found.engine or ''}/{found.model or ''}" == model
    for unheard in ({"language": "sw"}, {"language": "fr", "translate": True}):
        with pytest.raises(HushdError, match=r"No installed model knows how likely each .*, or leave include"):
            await Engines(Client(), SETTINGS).model("", logprobs=True, **unheard)  # type: ignore[arg-type]


def test_words_are_shown_with_their_times() -> None:
    """`verbose_json` has `words` and no segments, where words alone are wanted."""
    words = (Word("Good", 0.5, 0.9), Word(" morning.", 1.0, 1.4))
    transcript = Transcript([Segment(0, 0.5, 1.4, "Good morning.", words)], "en", 2.0)
    found = formats.verbose(transcript, "transcribe", words=True, segments=False)
    assert found["words"][1] == {"word": "morning.", "start": 1.0, "end": 1.4}
    assert "segments" not in found


def test_a_voice_of_kokoros_that_is_not_installed_has_a_fallback() -> None:
    """The fallback has its gender and language: programs made for kokoro's servers have its names built in, and no
    other model's."""
    both = replace(SPEAKING, engines=(*SPEAKING.engines, KOKORO))
    without = replace(SPEAKING, engines=(*SPEAKING.engines, replace(KOKORO, voices=())))
    for catalogue in (both, SPEAKING, without):
        assert routing.fallback_voice(catalogue, "af_sky") == ("alloy", "en")
        assert routing.fallback_voice(catalogue, "ff_siwis") == ("alloy", "fr")
        assert routing.fallback_voice(catalogue, "bm_george") == ("ash", "en")
        assert routing.fallback_voice(catalogue, "alan") is None
        assert routing.fallback_voice(catalogue, "af_nobody") is None
    catalogue = both
    assert routing.fallback_voice(catalogue, "am_adam") is None
    assert routing.tts(catalogue, SETTINGS, "kokoro/kokoro-v1.0", "af_sky") == ("kokoro", "kokoro-v1.0", "af_sky")


@pytest.mark.parametrize("voice", ["alloy", "Alloy"])
def test_a_models_only_voice_speaks_for_openais_names(voice: str) -> None:
    """Whatever their case, and whether the voice is here yet or not."""
    assert routing.tts(SPEAKING, SETTINGS, "piper/en_GB-alan", voice) == ("piper", "en_GB-alan", "alan")


@pytest.mark.parametrize("model", ["tts-1", "kokoro/kokoro-v1.0"])
def test_of_mixed_voices_the_first_speaks(model: str) -> None:
    """Kokoro's programs write mixes, which no engine here makes; a server of the user's may, and gets them whole."""
    catalogue = replace(SPEAKING, engines=(*SPEAKING.engines, KOKORO))
    for mix in ("am_adam+af_sky", "am_adam(2)+af_sky(1)", " am_adam + af_sky"):
        assert routing.tts(catalogue, SETTINGS, model, mix).voice == "am_adam"
    assert routing.tts(catalogue, replace(SETTINGS, tts="server/mine"), "tts-1", "a+b").voice == "a+b"


class Describer:
    """A client that counts how often the engines are listed."""

    def __init__(self) -> None:
        self.count = 0

    async def describe(self, role: str) -> Descriptions:
        self.count += 1
        return Descriptions.from_data({role: STT if role == "stt" else TTS})

    async def status(self) -> Status:
        return Status.from_data({"memory": {"available_mb": 9000.0}})


async def test_a_named_model_of_an_engine_that_is_here_needs_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list took over 30 s on a machine under load, and requests that named their model failed with it."""
    monkeypatch.setattr("hushd_models.advice.engine_installed", lambda name: name == "moonshine")
    client = Describer()
    there = Engines(client, replace(SETTINGS, http=HttpSettings(models={"mine": "moonshine/of-mine"})))  # type: ignore[arg-type]
    assert await there.model("moonshine/tiny-en", "de", translate=True) == Model("moonshine", "tiny-en")
    assert await there.model("mine") == Model("moonshine", "of-mine")
    assert client.count == 0
    assert await there.model("faster-whisper/small") == Model("faster-whisper", "small")
    assert await there.model("moonshine/auto") == Model("moonshine", "tiny-en")
    assert await there.model("nobody/nothing") == Model()
    assert client.count == 1


@pytest.mark.parametrize(("name", "pulls", "missing"), [
    ("faster-whisper/small", False, ""), ("mine", False, ""), ("nobody/nothing", False, ""), ("", False, ""),
    ("whisper/base", False, "whisper/base"), ("theirs", False, "whisper/base"), ("whisper/base", True, ""),
])  # fmt: skip
async def test_a_model_that_is_not_here_and_does_not_come_is_refused(name: str, pulls: bool, missing: str) -> None:
    """Under any name for it; one that nobody knows is left to the worker, and what comes by itself is waited for."""
    http = HttpSettings(models={"mine": "faster-whisper/small", "theirs": "whisper/base"})
    there = Engines(Describer(), replace(SETTINGS, http=http, auto_pull=pulls))  # type: ignore[arg-type]
    if not missing:
        await there.check(name)
        return
    with pytest.raises(
        HushdError, match=f"{missing} is not on this machine: .*`hushd models pull {missing}`"
    ) as refused:
        await there.check(name)
    assert refused.value.code == "model_missing"


async def test_a_language_chooses_what_knows_it() -> None:
    """The best model where the default does not hear it, and a voice; a voice that nobody has is an error."""
    there = Engines(Describer(), SETTINGS)  # type: ignore[arg-type]
    assert await there.model("", "de") == Model("faster-whisper", "small")
    assert await there.voice("", "", "en") == await there.voice("", "alan") == ("piper", "en_GB-alan", "alan")
    with pytest.raises(HushdError, match="There is no voice 'nobody'"):
        await there.voice("", "nobody")


async def test_a_language_goes_to_the_model_that_the_settings_name_for_it() -> None:
    """`hushd get` names one of a language: it hears that over HTTP, too, as `listen --language` has it, in each way to
    write the language, and times its words. A language that it does not hear is for the best that does."""
    several = [{"name": "base", "languages": ["fr", "de", "pt"], "installed": True}]
    engines = [*STT["engines"], {"name": "whisper", "models": several, "word_times": True}]  # type: ignore[misc]
    hearing = HearingDescription.from_data({"role": "stt", "engines": engines})
    for language, of_language in (("de", "de"), ("de-AT", "de"), ("German", "de"), ("pt-BR", "pt")):
        settings = replace(SETTINGS, stt_by_language={of_language: "whisper/base"})
        assert routing.stt(hearing, settings, "", language) == Model()
        assert routing.stt(hearing, settings, "", language, words=True) == Model()
        assert routing.stt(hearing, settings, "", "fr") == Model(None, "auto")
        client = Describer()
        assert await Engines(client, settings).model("", language) == Model()  # type: ignore[arg-type]
        assert client.count == 0
    assert routing.stt(hearing, replace(SETTINGS, stt_by_language={"de": "whisper/mine"}), "", "de") == Model()
    assert routing.stt(hearing, SETTINGS, "", "auto") == Model()
    assert routing.stt(hearing, replace(SETTINGS, stt="whisper/mine"), "", "it") == Model()  # which nobody knows
    english = {"name": "mine", "languages": ["en"], "installed": True}
    hearing = HearingDescription.from_data({"role": "stt", "engines": [{"name": "whisper", "models": [english]}]})
    assert routing.stt(hearing, replace(SETTINGS, stt="whisper/mine"), "", "it") == Model(None, "auto")


async def test_the_list_of_engines_is_kept_for_the_next_gateway(runtime: Path) -> None:
    """It stays until its file is removed, and is never kept without one, as in a cluster."""
    client = Describer()
    for count, listed in ((1, None), (2, None), (3, find().listed), (3, find().listed)):
        there = Engines(client, SETTINGS, listed=listed)  # type: ignore[arg-type]
        assert await there.model("small") == Model("faster-whisper", "small")
        assert client.count == count
    only = replace(HEARING, engines=HEARING.engines[:1])
    listings.save_catalogues(find().listed, Descriptions.from_data({"tts": TTS}).having("stt", only))
    there = Engines(client, SETTINGS, listed=find().listed)  # type: ignore[arg-type]
    assert await there.model("small") == Model()
    assert await there.voice("gpt-realtime", "boss") == ("piper", "en_GB-alan", "alan")
    assert client.count == 3
    find().listed.unlink()
    there = Engines(client, SETTINGS, listed=find().listed)  # type: ignore[arg-type]
    assert await there.model("small") == Model("faster-whisper", "small")
    assert client.count == 4


@pytest.mark.parametrize(("model", "default", "alone"), [
    (Model("moonshine", "tiny-en"), "whisper/base", True), (Model("whisper", "base"), "moonshine/tiny-en", False),
    (Model(), "moonshine/tiny-en", True), (Model(), "whisper/base", False), (Model(), "server/mine", False),
])  # fmt: skip
def test_a_model_is_known_to_hear_one_language(model: Model, default: str, alone: bool) -> None:
    """The model that was named, or else the configured one; of a model that nobody knows nothing is said."""
    engines = Engines(None, Settings(stt=default))  # type: ignore[arg-type]
    assert engines.knows_one_language(model) == alone


@pytest.mark.parametrize(("code", "model", "answer"), [
    ("", "", set()), ("clipped", "", set()), ("unlikely_text", "", {"warnings"}), ("clipped", "a/b", {"model"}),
    ("heard_again", "a/b", {"model", "warnings"}),
])  # fmt: skip
def test_an_answer_says_what_is_doubtful_in_it(code: str, model: str, answer: set[str]) -> None:
    """It has neither an empty list of warnings nor an empty model; what does not concern its text is left out."""
    warnings = [ResultWarning(code=code, message="Why.")] if code else []
    said = formats.warned(warnings, model)
    assert {*said} == answer
    assert said.get("model", model) == model
    assert [each["code"] for each in said.get("warnings", ())] == [code] * ("warnings" in answer)

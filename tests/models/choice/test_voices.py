"""The voice meant by a name, an OpenAI name or a language, among those that there are."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from hushd_models.choice.voices import ALIASES, VoiceChoice, choose
from hushd_models.installation import document
from hushd_protocol.errors import HushdError
from hushd_schema.description import SpeakingDescription
from support.refusals import hushd_error

DOCS = Path(__file__).parents[3] / "docs"


def voice(name: str, language: str, gender: str = "", model: str = "m", installed: bool = True) -> dict[str, Any]:
    return {"name": name, "language": language, "gender": gender, "model": model, "installed": installed}


def engine(name: str, *voices: dict[str, Any], languages: str = "", installed: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "installed": installed,
        "install": f"pip install {name}",
        "default_voice": voices[0]["name"] if voices else "",
        "models": [{"name": "m", "languages": languages.split()}],
        "voices": [voice | {"engine": name} for voice in voices],
    }


HIBARI = engine(
    "hibari",
    voice("heart", "en-US", "female", "en"),
    voice("adam", "en-US", "male", "en", installed=False),
    voice("emma", "en-GB", "female", "en", installed=False),
)
ESPEAK = engine(
    "espeak-ng",
    voice("espeak-en-us", "en-US", "male", "all"),
    voice("espeak-de", "de", "male", "all"),
    voice("espeak-en", "en-GB", "male", "all"),
    voice("espeak-fr", "fr", "male", "all"),
    voice("espeak-fr-be", "fr-BE", "male", "all"),
    voice("espeak-nb", "nb", "male", "all"),
    voice("espeak-cmn", "zh", "male", "all"),
) | {"robotic": True}
PIPER = engine(
    "piper",
    voice("en_US-lessac", "en-US", "female", "en_US-lessac", installed=False),
    voice("fr_FR-siwis", "fr-FR", "female", "fr_FR-siwis"),
    voice("fr_CA-paul", "fr-CA", "male", "fr_CA-paul"),
    voice("it_IT-paola", "it-IT", "female", "it_IT-paola", installed=False),
)
KOKORO = engine(
    "kokoro",
    voice("af_heart", "en-US", "female", "kokoro-v1.0"),
    voice("af_alloy", "en-US", "female", "kokoro-v1.0"),
    voice("am_adam", "en-US", "male", "kokoro-v1.0"),
    voice("am_onyx", "en-US", "male", "kokoro-v1.0"),
    voice("ff_siwis", "fr-FR", "female", "kokoro-v1.0"),
)
NO_PIPER = engine("piper", languages="fr-FR de-DE it-IT", installed=False)
NO_ESPEAK = engine("espeak-ng", languages="fr de ja", installed=False)
MINE = engine("aa-mine", voice("Anna", "en-US", "female", "x"), voice("heart", "de-DE", "female", "y"))


def catalogue(*engines: dict[str, Any], default: str = "hibari/en") -> SpeakingDescription:
    return SpeakingDescription.from_data({"engines": list(engines), "default": default})


ALL = catalogue(HIBARI, KOKORO, PIPER, ESPEAK, MINE)  # as they are described: the best first
GERMAN = engine("piper", voice("de_DE-eva", "de-DE", "female", "de_DE-eva"), voice("en_x", "en-US", "male", "en_x"))


NO_LANGUAGE = "is not a language: name one, such as fr, pt-BR or French."


@pytest.mark.parametrize(
    ("there", "name", "expected"),
    [
        (ALL, "heart", VoiceChoice("hibari", "en", "heart")),
        (ALL, "HEART", VoiceChoice("hibari", "en", "heart")),
        (ALL, "anna", VoiceChoice("aa-mine", "x", "Anna")),
        (ALL, "aa-mine/heart", VoiceChoice("aa-mine", "y", "heart")),
        (ALL, "espeak-ng/espeak-fr", VoiceChoice("espeak-ng", "all", "espeak-fr")),
        (ALL, "espeak-fr", VoiceChoice("espeak-ng", "all", "espeak-fr")),
        (ALL, "fr_FR-siwis", VoiceChoice("piper", "fr_FR-siwis", "fr_FR-siwis")),
        # a language or a model behind an engine
        (ALL, "hibari/en", VoiceChoice("hibari", "en", "heart")),
        (ALL, "piper/fr-CA", VoiceChoice("piper", "fr_CA-paul", "fr_CA-paul")),
        (ALL, "espeak-ng/French", VoiceChoice("espeak-ng", "all", "espeak-fr")),
        (ALL, "kokoro/kokoro-v1.0", VoiceChoice("kokoro", "kokoro-v1.0", "af_heart")),
        # not installed: its worker says how to get it
        (ALL, "adam", VoiceChoice("hibari", "en", "adam")),
        # the one that is here of two with one name
        (catalogue(engine("hibari", voice("x", "en", installed=False)), engine("z", voice("x", "en"))), "x",
         VoiceChoice("z", "m", "x")),
        # an alias is a voice's name before it is an alias
        (catalogue(HIBARI, engine("z", voice("nova", "en-US"))), "nova", VoiceChoice("z", "m", "nova")),
    ],
)  # fmt: skip
def test_by_name(there: SpeakingDescription, name: str, expected: VoiceChoice) -> None:
    """The exact name in any engine, whatever its case; the preferred engine's first, ENGINE/NAME where that is not."""
    assert choose(there, name, None) == expected


@pytest.mark.parametrize(("there", "language", "expected"), [
    (ALL, "en", "heart"),
    (ALL, "EN_us.UTF-8", "heart"),
    (ALL, "en-GB", "heart"),  # the default engine can, if with another accent
    (ALL, "fr", "ff_siwis"),  # kokoro comes before piper
    (ALL, "fr_CA", "ff_siwis"),
    (ALL, "German", "espeak-de"),
    (ALL, "de", "espeak-de"),  # before an engine that is not in the order
    (catalogue(PIPER, ESPEAK, HIBARI), "fr", "fr_FR-siwis"),
    (catalogue(PIPER, ESPEAK, HIBARI), "fr-CA", "fr_CA-paul"),
    (catalogue(PIPER, ESPEAK, HIBARI), "fr-BE", "fr_FR-siwis"),
    (catalogue(ESPEAK, HIBARI), "fr-BE", "espeak-fr-be"),
    (catalogue(ESPEAK, HIBARI), "no", "espeak-nb"),
    (catalogue(ESPEAK, HIBARI), "cmn-Hans", "espeak-cmn"),
    (catalogue(ESPEAK, HIBARI, default="espeak-ng/all"), "en", "espeak-en-us"),
    (catalogue(ESPEAK, HIBARI, default="espeak-ng/all"), "en-GB", "espeak-en"),
    (catalogue(HIBARI, PIPER, default="piper/fr_CA-paul"), "fr", "fr_CA-paul"),
    (catalogue(HIBARI, PIPER, default="piper/fr_CA-paul"), "fr-FR", "fr_FR-siwis"),
    (catalogue(HIBARI, PIPER, default="piper/fr_CA-paul"), "en", "heart"),
])  # fmt: skip
def test_by_language(there: SpeakingDescription, language: str, expected: str) -> None:
    """The default engine's voice if it can, else the first installed engine's in the order; the region where it has it,
    the configured voice where not."""
    assert choose(there, None, language).voice == expected


@pytest.mark.parametrize(("there", "slow", "expected"), [
    (ALL, ["kokoro/kokoro-v1.0"], "fr_FR-siwis"),  # kokoro's voices come first
    (ALL, [], "ff_siwis"),
    (ALL, ["kokoro/kokoro-v1.0", "piper/fr_FR-siwis", "piper/fr_CA-paul"], "espeak-fr"),
    (catalogue(engine("x", voice("a", "fr", "", "a"), voice("b", "fr", "", "b")), ESPEAK), ["x/a"], "espeak-fr"),
    (catalogue(KOKORO), ["kokoro/kokoro-v1.0"], "ff_siwis"),  # there is no other
    (catalogue(KOKORO, ESPEAK, default="kokoro/kokoro-v1.0"), ["kokoro/kokoro-v1.0"], "ff_siwis"),  # the user's choice
])  # fmt: skip
def test_a_voice_slower_than_real_time_is_no_default(
    there: SpeakingDescription, slow: list[str], expected: str
) -> None:
    """A voice that was measured to be slow speaks a language where it is configured, or no other speaks it."""
    paces = {"kokoro/kokoro-v1.0": 0.9, "piper/fr_FR-siwis": 0.1} | dict.fromkeys(slow, 2.0)
    assert choose(there, None, "fr", paces=paces).voice == expected


@pytest.mark.parametrize(("there", "engine_name", "model"), [
    (catalogue(), None, None), (catalogue(), "chatterbox", None), (ALL, "mine", "x"),
    (catalogue(HIBARI, engine("chatterbox", installed=False)), "chatterbox", None),
])  # fmt: skip
def test_what_is_not_known_here_is_left_to_its_worker(
    there: SpeakingDescription, engine_name: str | None, model: str | None
) -> None:
    """An engine in an environment of its own, or a program of the user's, is asked as it was named."""
    assert choose(there, "anna", "fr", engine_name, model) == VoiceChoice(engine_name, model, "anna")


@pytest.mark.parametrize(("there", "name", "language", "expected"), [
    # kokoro has voices of these names
    (ALL, "alloy", None, "af_alloy"),
    (ALL, "Onyx", None, "am_onyx"),
    # a voice of that gender otherwise, the default engine's first; each alias one of its own as far as they go
    (ALL, "nova", None, "heart"),
    (ALL, "echo", None, "am_onyx"),
    (ALL, "ash", None, "am_adam"),
    (ALL, "ballad", None, "am_onyx"),
    # a voice of the language that is spoken
    (ALL, "nova", "fr", "ff_siwis"),
    (catalogue(HIBARI, PIPER), "onyx", "fr", "fr_CA-paul"),
    (catalogue(GERMAN, HIBARI, default="piper/de_DE-eva"), "nova", None, "de_DE-eva"),
    # never a robot while there is somebody else
    (catalogue(HIBARI, ESPEAK), "onyx", None, "heart"),
    (catalogue(HIBARI, ESPEAK), "onyx", "de", "espeak-de"),
])  # fmt: skip
def test_openai_names(there: SpeakingDescription, name: str, language: str | None, expected: str) -> None:
    """Programs made for OpenAI's voices get one that is here, by gender."""
    assert choose(there, name, language).voice == expected


def test_every_openai_name_means_somebody() -> None:
    """One installed voice is everybody; all names of the API are known, and in the documentation."""
    names = [
        "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
        "verse",
    ]  # fmt: skip
    assert sorted(ALIASES) == names
    assert {choose(catalogue(HIBARI), name, None).voice for name in names} == {"heart"}
    text = (DOCS / "MODELS.md").read_text(encoding="utf-8").partition("OpenAI's names are ")[2]
    for gender in ("female", "male"):
        told, _, text = text.partition(f" ({gender})")
        assert {name for name in names if f"`{name}`" in told} == {n for n in names if ALIASES[n] == gender}


GUIDE = document("MODELS.md")

REFUSED = [
    (ALL, "hart", None, None, "bad_request",
     "There is no voice 'hart' (did you mean heart?): `say -v '?'` lists them."),
    (ALL, "novva", None, None, "bad_request",
     "There is no voice 'novva' (did you mean nova?): `say -v '?'` lists them."),
    (ALL, "", "", None, "bad_request", f"'' {NO_LANGUAGE}"),
    (ALL, "zzzz", None, None, "bad_request", "There is no voice 'zzzz': `say -v '?'` lists them."),
    (ALL, "x" * 5000, None, None, "bad_request", f"There is no voice '{'x' * 57}...': `say -v '?'` lists them."),
    (ALL, "espeak-ng/heart", None, None, "bad_request",
     "There is no voice 'espeak-ng/heart': `say -v '?'` lists them."),
    (ALL, None, "fr fr", None, "bad_request", f"'fr fr' {NO_LANGUAGE}"),
    (ALL, None, "-", None, "bad_request", f"'-' {NO_LANGUAGE}"),
    (ALL, None, "f\0", None, "bad_request", f"'f\\x00' {NO_LANGUAGE}"),
    (ALL, "heart", "fr", None, "bad_request",
     "The voice heart speaks en-US, not 'fr': leave the voice out, or use ff_siwis, fr_FR-siwis, fr_CA-paul, espeak-fr "
     "or espeak-fr-be."),
    (catalogue(HIBARI, NO_PIPER, NO_ESPEAK), "heart", "fr", None, "bad_request",
     "The voice heart speaks en-US, not 'fr': `hushd get fr` brings one that does."),
    (catalogue(HIBARI, NO_PIPER, NO_ESPEAK), None, "ja-JP", None, "engine_missing",
     "No voice on this machine speaks 'ja-JP': `hushd get ja` brings one that does."),
    (catalogue(HIBARI, PIPER, NO_ESPEAK), None, "it", None, "engine_missing",
     "No voice on this machine speaks 'it': `hushd get it` brings one that does."),
    (catalogue(HIBARI), None, "fr", None, "engine_missing",
     f"No voice on this machine speaks 'fr': no engine that is known here does, and {GUIDE} says how to add "
     "one."),
    (ALL, None, "fr", "hibari", "bad_request",
     "No voice of hibari speaks 'fr': use ff_siwis, fr_FR-siwis, fr_CA-paul, espeak-fr or espeak-fr-be."),
    (ALL, "heart", None, "kokoro", "bad_request",
     "There is no voice 'heart' (did you mean af_heart?): `say -v '?'` lists them."),
]  # fmt: skip


@pytest.mark.parametrize(("there", "name", "language", "engine_name", "code", "message"), REFUSED)
def test_what_cannot_be_said_is_an_error_that_says_what_would_work(
    there: SpeakingDescription, name: str | None, language: str | None, engine_name: str | None, code: str, message: str
) -> None:
    """One sentence: who cannot, and who can, or what to install."""
    with hushd_error(code, said=message):
        choose(there, name, language, engine_name)


def test_any_catalogue_gives_a_voice_or_one_sentence() -> None:
    """Whatever is installed and whatever is asked for, no other exception comes, and the choice is in it."""
    rng = random.Random(1)
    engines = [HIBARI, ESPEAK, PIPER, KOKORO, MINE, NO_PIPER, NO_ESPEAK, GERMAN, {"name": "bare"}]
    names = [None, "heart", "nova", "piper/fr_FR-siwis", "a/b", "/", "é", "onyx", "espeak-de"]
    languages = [None, "en", "fr-CA", "zh_TW", "x", "日本", "i"]
    chosen = refused = 0
    for name, language, wanted in 3 * [*itertools.product(names, languages, [None, None, "piper", "hibari", "none"])]:
        if name is language is None:
            continue
        default = rng.choice(["", "hibari/en", "piper/x", "no/no"])
        there = catalogue(*rng.sample(engines, rng.randint(0, 5)), default=default)
        message = ""
        try:
            found = choose(there, name, language, wanted)
        except HushdError as error:
            message = error.message
        if message:
            assert "\n" not in message
            assert message.endswith(".")
            refused += 1
            continue
        voices = {(engine.name, voice.name) for engine in there.engines for voice in engine.voices}
        assert (found.engine, found.voice) in voices or found == VoiceChoice(wanted, None, name)
        chosen += (found.engine, found.voice) in voices
    assert min(chosen, refused) > 50, (chosen, refused)


def test_a_voice_of_an_engine_that_is_not_installed_says_what_to_install() -> None:
    """Kokoro's names are known without its package; ENGINE/NAME too."""
    absent = catalogue(HIBARI, engine("kokoro", installed=False))
    with hushd_error("engine_missing", "The voice af_sky is one of kokoro, which is not installed: pip install"):
        choose(absent, "af_sky", None)
    with pytest.raises(HushdError, match="There is no voice 'af_nobody'"):
        choose(absent, "af_nobody", None)

"""Languages by name: whatever openai-whisper's command line takes, and guesses at names that it does not."""

from __future__ import annotations

import pytest
from hushd.models import choice as model_choice
from hushd.synthesis import voices
from hushd_models import catalogue, languages
from hushd_schema.description import SpeakingDescription
from hushd_worker_stt.engine import EngineInfo, ModelInfo
from hushd_worker_stt.request import Request


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("English", "en"),
        ("german", "de"),
        (" FRENCH ", "fr"),
        ("Haitian Creole", "ht"),
        ("Castilian", "es"),
        ("mandarin", "zh"),
        ("Cantonese", "yue"),
        ("de", "de"),
        ("EN_us", "en"),
        ("zh-Hant-TW", "zh"),
        ("nb", "no"),
        ("nb-NO", "no"),
        ("nn", "nn"),
        ("Norwegian", "no"),
        ("cmn-Hans-CN", "zh"),
        ("iw_IL", "he"),
        ("in", "id"),
        ("ji", "yi"),
        ("jv", "jw"),
        ("fil-PH", "tl"),
        ("mo", "ro"),
        ("de_AT.UTF-8", "de"),
        ("ca_ES@valencia", "ca"),
        ("Klingon", "klingon"),
        ("", ""),
    ],
)
def test_a_name_or_a_tag_is_a_code(asked: str, code: str) -> None:
    """Names, their aliases and tags in any case; anything else is not a language's code."""
    assert languages.code(asked) == code


def test_every_language_of_a_known_model_has_a_name() -> None:
    """Whatever a well-known model hears can be asked for by name, and no name is short enough to be a tag."""
    named = {code for name, code in languages._CODES.items() if len(name) > 2}
    heard = {tag for known in catalogue.models().values() if known.role == "stt" for tag in known.languages}
    assert heard <= named
    assert not heard & set(languages._CODES)


@pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")
def test_the_names_are_whispers() -> None:
    """Each name of the package's own table means the same here."""
    tokenizer = pytest.importorskip("whisper.tokenizer")
    assert {name: languages.code(name) for name in tokenizer.TO_LANGUAGE_CODE} == tokenizer.TO_LANGUAGE_CODE
    assert {tag: languages.code(tag) for tag in tokenizer.LANGUAGES} == {tag: tag for tag in tokenizer.LANGUAGES}


@pytest.mark.parametrize(
    ("asked", "known", "meant"),
    [
        ("Germn", ("en", "de"), "German"),
        ("haitian crole", ("ht",), "Haitian Creole"),
        ("Germn", ("en",), None),
        ("Klingon", ("en", "de", "tr"), None),
        ("", ("en",), None),
    ],
)
def test_what_was_meant_is_a_language_there_is(asked: str, known: tuple[str, ...], meant: str | None) -> None:
    """A name that comes close, of those languages alone."""
    assert languages.meant(asked, known) == meant


CODES = sorted(set(languages._CODES.values()))
SPELLINGS = (
    "{0}", " {0} ", "{1}", "{0}-XX", "{0}_XX", "{1}-xx", "{0}_XX.UTF-8", "{0}-Latn-XX", "{0}_XX@euro", "{0}-x-private",
)  # fmt: skip


def test_every_spelling_of_a_tag_is_one_language() -> None:
    """Whatever case, country, script and encoding a tag has, and by whatever name: it is found, and is its own form."""
    named = [(code, name) for name, code in languages._CODES.items()]
    asked = [(code, form.format(code, code.upper())) for code in CODES for form in SPELLINGS]
    for code, each in (*asked, *named, *((code, name.upper()) for code, name in named)):
        assert languages.code(each) == code, each
        assert languages.tag(languages.tag(each)) == languages.tag(each)
        assert languages.is_tag(each)
        assert languages.find(each, ["xx", code, "yy"]) == code


def test_the_closest_tag_is_found() -> None:
    """The very spelling before another one of the same tag, and that before another country's or script's."""
    assert languages.find("pt-BR", ["pt", "pt-PT", "pt-br", "pt-BR"]) == "pt-BR"
    assert languages.find("pt_BR", ["pt", "pt-PT", "pt-br"]) == "pt-br"
    assert languages.find("pt-BR", ["en", "pt-PT", "pt"]) == "pt-PT"
    assert languages.find("nb", ["nn", "no"]) == "no"
    assert languages.find("no", ["nn-NO", "nb-NO"]) == "nb-NO"
    assert languages.find("zh-Hant", ["zh"]) == "zh"
    assert languages.find("yue", ["zh"]) is None
    assert languages.find("de", []) is None


@pytest.mark.parametrize("asked", ["", " ", "e", "12", "deutsch!", "en fr", "-de", "überdeutsch"])
def test_what_cannot_be_a_language(asked: str) -> None:
    """By its form alone."""
    assert not languages.is_tag(asked)


@pytest.mark.parametrize("asked", ["nb", "no", "NO", "nb_NO.UTF-8", "nb-NO", "Norwegian", " norwegian "])
@pytest.mark.parametrize("own", ["no", "nb", "nb-NO"])
def test_what_say_finds_listen_finds(asked: str, own: str) -> None:
    """A voice, a model and the choice of one know a language by the same spellings, whichever is their own."""
    engines = [
        {"name": "e", "installed": True, "voices": [{"name": "kari", "language": own, "installed": True}], "models": []}
    ]
    assert voices.choose(SpeakingDescription.from_data({"engines": engines}), None, asked).voice == "kari"
    assert model_choice.Candidate("e", "m", (own,), 0, "medium").hears(asked)
    engine = EngineInfo("e", "pip", "m", (), streaming=True, word_times=True)
    model = ModelInfo("m", (own, "en"), memory_mb=0)
    assert Request.parse({"language": asked}, engine, model).language == own

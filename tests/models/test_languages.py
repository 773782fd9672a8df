"""Languages by name: whatever openai-whisper's command line takes, and guesses at names that it does not."""

from __future__ import annotations

import pytest
from hushd_models import catalogue, languages


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

"""Languages by name: whatever openai-whisper's command line takes, and guesses at names that it does not."""

from __future__ import annotations

import pytest
from hushd_models import catalogue, languages
from support.refusals import hushd_error


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("English", "en"), ("german", "de"), (" FRENCH ", "fr"), ("Haitian Creole", "ht"), ("Castilian", "es"),
        ("mandarin", "zh"), ("Cantonese", "yue"), ("de", "de"), ("EN_us", "en"), ("zh-Hant-TW", "zh"), ("nb", "no"),
        ("nb-NO", "no"), ("nn", "nn"), ("Norwegian", "no"), ("cmn-Hans-CN", "zh"), ("iw_IL", "he"), ("in", "id"),
        ("ji", "yi"), ("jv", "jw"), ("fil-PH", "tl"), ("mo", "ro"), ("de_AT.UTF-8", "de"), ("ca_ES@valencia", "ca"),
        ("Français", "fr"), ("francais", "fr"), ("franc\u0327ais", "fr"), ("DEUTSCH", "de"), ("Español", "es"),
        ("espanol", "es"), ("Castellano", "es"), ("português", "pt"), ("Portugues", "pt"), ("Italiano", "it"),
        ("nederlands", "nl"), ("svenska", "sv"), ("Norsk", "no"), ("norsk bokmål", "no"), ("norsk nynorsk", "nn"),
        ("čeština", "cs"), ("cestina", "cs"), ("Türkçe", "tr"), ("tiếng việt", "vi"), ("Tieng Viet", "vi"),
        ("русский", "ru"), ("РУССКИЙ", "ru"), ("українська", "uk"), ("日本語", "ja"), ("中文", "zh"), ("한국어", "ko"),
        ("العربية", "ar"), ("हिन्दी", "hi"), ("Ελληνικά", "el"), ("bahasa indonesia", "id"), ("Suomi", "fi"),
        ("Português (Brasil)", "pt"), ("Klingon (Qo’noS)", "klingon (qo’nos)"),
        ("Klingon", "klingon"), ("", ""), ("fre", "fr"), ("GER", "de"), ("zho-Hans", "zh"), ("nob", "no"),
    ],
)  # fmt: skip
def test_a_name_or_a_tag_is_a_code(asked: str, code: str) -> None:
    """Names, their aliases and tags in any case; anything else is not a language's code."""
    assert languages.code(asked) == code


@pytest.mark.parametrize(("asked", "tag"), [
    ("Português (Brasil)", "pt-br"), ("portugues (PT)", "pt-pt"), ("English (United States)", "en-us"),
    ("Deutsch (Österreich)", "de-at"), ("français(Canada)", "fr-ca"), ("中文（繁體）", "zh-hant"),
    ("Chinese (Simplified)", "zh-hans"), ("Español (Latinoamérica)", "es"), ("pt-BR", "pt-br"), ("Klingon", None),
    ("xx", None), ("en, fr", None), ("Klingon (Brazil)", None), ("", None), ("Deutch", None), ("French (", None),
])  # fmt: skip
def test_what_a_person_names_is_a_tag_or_no_language(asked: str, tag: str | None) -> None:
    """A country or a script may stand behind a name; one that is unknown leaves the language."""
    if tag is not None:
        assert languages.checked(asked) == tag
    else:
        with hushd_error("bad_request", "is not a language"):
            languages.checked(asked)


def test_every_language_of_a_known_model_has_a_name() -> None:
    """Whatever a well-known model hears can be asked for by name, no name is short enough to be a tag, and no code
    stands for itself and for another."""
    named = {code for name, code in languages._CODES.items() if len(name) > 2}
    heard = {tag for known in catalogue.models().values() if known.role == "stt" for tag in known.languages}
    assert heard <= named
    assert set(languages._SAME.values()) <= named
    assert not set(languages._SAME) & named
    assert not heard & set(languages._CODES)


def test_own_names_are_babels() -> None:
    """Each language's name for itself means the same here, with and without its signs."""
    babel = pytest.importorskip("babel", reason="Babel is not installed")
    for code in set(languages._CODES.values()):
        locale = babel.Locale(babel.Locale.parse({"jw": "jv"}.get(code, code)).language)
        assert languages.code(locale.get_display_name()) == code


@pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")
def test_the_names_are_whispers() -> None:
    """Each name of the package's own table means the same here."""
    tokenizer = pytest.importorskip("whisper.tokenizer")
    assert {name: languages.code(name) for name in tokenizer.TO_LANGUAGE_CODE} == tokenizer.TO_LANGUAGE_CODE
    assert {tag: languages.code(tag) for tag in tokenizer.LANGUAGES} == {tag: tag for tag in tokenizer.LANGUAGES}


@pytest.mark.parametrize(("asked", "known", "meant"), [
    ("Germn", ("en", "de"), "German"),
    ("haitian crole", ("ht",), "Haitian Creole"),
    ("Germn", ("en",), None),
    ("Deutch", ("en", "de"), "Deutsch"),
    ("françai", ("en", "fr"), "Francais"),
    ("Klingon", ("en", "de", "tr"), None),
    ("", ("en",), None),
])  # fmt: skip
def test_what_was_meant_is_a_language_there_is(asked: str, known: tuple[str, ...], meant: str | None) -> None:
    """A name that comes close, of those languages alone."""
    assert languages.meant(asked, known) == meant


@pytest.mark.parametrize(("asked", "tags", "first"), [
    ("de-AT", ("de", "de-at", "de-AT"), "de-AT"),
    ("pt-BR", ("pt", "pt-PT", "PT_br.UTF-8"), "PT_br.UTF-8"),
    ("German", ("en", "de-CH", "de-AT"), "de-CH"),
    ("nb", ("en", "da"), None),
])  # fmt: skip
def test_another_country_does_where_the_tag_is_not_there(asked: str, tags: tuple[str, ...], first: str | None) -> None:
    """The very tag goes first, then another spelling of it, then the first of the same language."""
    assert languages.find(asked, tags) == first


@pytest.mark.parametrize(("code", "name"), [("de", "German"), ("ht", "Haitian Creole"), ("xx", "xx")])
def test_a_language_has_a_name(code: str, name: str) -> None:
    """The first of its names, in capitals; a code without one is its own."""
    assert languages.name(code) == name


@pytest.mark.parametrize(
    ("environment", "own"),
    [
        ({}, []), ({"LANG": "de_DE.UTF-8"}, ["de"]), ({"LANG": "fr_FR", "LC_MESSAGES": "pt_BR"}, ["pt"]),
        ({"LC_MESSAGES": "pt_BR", "LC_ALL": "nb_NO"}, ["no"]), ({"LANG": "fr_FR", "LC_ALL": ""}, ["fr"]),
        ({"LANG": "fr_FR", "LC_ALL": "C.UTF-8"}, []), ({"LANG": "POSIX"}, []), ({"LANG": "d"}, []),
        ({"LANG": "abcdefghi"}, []),
    ],
)  # fmt: skip
def test_the_session_names_its_language(
    environment: dict[str, str], own: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that counts most of those that are set names it; a locale of no language names none."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert languages.of_session() == own


@pytest.mark.parametrize(
    ("text", "english"),
    [("What they do", True), ("Der Hund", False), ("", False), ("the" + 496 * " ", True), ("the" + 497 * " ", False)],
)
def test_a_short_text_is_plainly_english(text: str, english: bool) -> None:
    """One word that only English has tells it; in 500 characters that word may be a quotation."""
    assert languages.is_plainly_english(text) is english

"""The language of short texts, with and without the user's languages as a prior."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hushd_models import text_language
from hushd_models.text_language import certain, detect, may_be, probabilities

ROOT = Path(__file__).parents[2]
# Texts were written for these tests, a heading a kind and language: `agent`, twenty sentences of two to six words;
# `day`, 102 words, numbers, times and names; `desk`, 50 messages, written after the figures of `text_language`.
TEXTS = {
    tuple(title.split()): [" ".join(each.split()) for each in texts.split("|")]
    for title, _, texts in (
        part.partition("\n")
        for part in (Path(__file__).parent / "short_texts.txt").read_text("utf-8").removeprefix("# ").split("\n# ")
    )
}


def of(kind: str) -> list[str]:
    """The languages of a kind of texts, but for English."""
    return [language for one, language in TEXTS if one == kind and language != "en"]


def wrong(texts: list[str], own: list[str], language: str) -> list[str]:
    return [text for text in texts if detect(text, own) != language]


@pytest.mark.parametrize("language", ["en", *of("agent")])
def test_a_short_sentence_in_the_users_language_is_told(language: str) -> None:
    """All twenty, with that language as the user's; at least sixteen without."""
    sentences = TEXTS["agent", language]
    assert len(sentences) == 20
    assert wrong(sentences, [language], language) == []
    assert sum(detect(text) == language for text in sentences) > 15


def test_french_portuguese_and_german_need_no_prior() -> None:
    """Fifty of sixty sentences, at least, are told without one."""
    told = sum(detect(text) == language for language in ("fr", "pt", "de") for text in TEXTS["agent", language])
    assert told >= 57


@pytest.mark.parametrize("own", [(), ("en",), ("en", "fr")])
def test_the_lines_of_an_english_agent_are_english(own: tuple[str, ...]) -> None:
    """However short: a word that other languages have, too, moves no English user's voice."""
    assert wrong(TEXTS["lines", "en"], [*own], "en") == []


@pytest.mark.parametrize(("language", "texts"), [
    ("de", "Ja|Hallo|Information.|Handy|Feedback|1984|2,5 Mio. €"), ("pt", "Sim|Pronto|R$ 3,50"),
    ("fr", "Non|1984.|12,50 €.|14:30|+33 6 12 34 56 78|Bon week-end.|Parking.|OK.|Week-end|D'accord|Service client"),
    ("en", "Merci|1984|Parking"),
])  # fmt: skip
def test_a_number_a_word_or_two_are_in_the_users_language(language: str, texts: str) -> None:
    """A text that could be in many languages is in the one that the user speaks."""
    assert wrong(texts.split("|"), [language], language) == []


@pytest.mark.parametrize(("language", "texts"), [
    ("fr", "Bonjour|Oui|OUI|Bonne nuit.|BONJOUR|Merci|Bien sûr|Enchanté"), ("de", "Danke|Bitte|Guten Morgen|Fertig"),
    ("es", "Gracias|Buenos días|Mañana"), ("pt", "Obrigado|Não|Boa noite"), ("en", "Yes|No|Done|Stop|Error|OK|Thanks"),
])  # fmt: skip
def test_one_word_of_a_second_language_is_told(language: str, texts: str) -> None:
    """The word may have a capital letter, and the user may be one who speaks English first."""
    assert wrong(texts.split("|"), ["en", language], language) == []


def test_a_line_of_an_agent_is_english_for_everybody() -> None:
    """Two words that only English has outweigh the user's language; and a word of the user's second one the first."""
    lines = "Build failed|Please confirm|Good morning|Task complete|Hi there|Session restored|Come here"
    assert wrong(lines.split("|"), ["fr"], "en") == []
    assert detect("Merci", ["en", "fr"]) == detect("Au revoir", ["en", "fr"]) == "fr"


@pytest.mark.parametrize("language", of("day"))
def test_a_short_text_is_in_the_language_that_is_spoken_most(language: str) -> None:
    """99 of 102 are told, at least, whose user speaks English, too; of lines that are plainly English 38 of 40."""
    texts, english = TEXTS["day", language], TEXTS["day", "en"]
    assert (len(texts), len(english)) == (102, 40)
    assert len(wrong(texts, [language, "en"], language)) < 4
    assert len(wrong(english, [language, "en"], "en")) < 3


@pytest.mark.parametrize("language", of("desk"))
def test_what_a_desk_says_is_in_the_language_that_it_is_written_in(language: str) -> None:
    """48 of 50 are told, at least, of the language spoken most, and 46 of English; and 45 of both where English is."""
    for own, least in (([language, "en"], (48, 46)), (["en", language], (45, 48))):
        mistaken = [wrong(TEXTS["desk", each], own, each) for each in (language, "en")]
        assert all(len(texts) <= 50 - limit for texts, limit in zip(mistaken, least, strict=True)), mistaken


@pytest.mark.parametrize("text", ["", "12 34 56", "!?", "\ud800", "`der die das`", "/usr/la/de", "<speak>"])
def test_what_is_no_prose_has_no_language(text: str) -> None:
    """Numbers, code, paths and tags tell nothing."""
    assert detect(text) == certain(text) == ""


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "Доброе утро"), ("uk", "Доброго ранку, як справи?"), ("el", "Καλημέρα"), ("he", "בוקר טוב"),
        ("ko", "안녕하세요"), ("ja", "おはようございます"), ("zh", "早上好，你今天好吗？"), ("ar", "صباح الخير"),
        ("hi", "नमस्ते, आप कैसे हैं?"), ("th", "สวัสดี"),
    ],
)  # fmt: skip
def test_a_script_of_its_own_needs_no_length(language: str, text: str) -> None:
    """Even for a user of another language."""
    assert detect(text, ["en"]) == language


def test_english_documents_are_never_taken_for_another_language() -> None:
    """Every paragraph of this project's documents, each without its code."""
    for document in sorted((ROOT / "docs").glob("*.md")):
        for paragraph in re.split(r"\n\n", re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)):
            if len(re.findall(r"[a-z]{2,}", paragraph)) > 12 and "|" not in paragraph:
                assert detect(paragraph, ["en"]) == "en", paragraph


def test_neighbours_may_be_each_other() -> None:
    """A Danish text for a Norwegian voice, and one whose voice names no language, are spoken."""
    assert may_be("da", "no")
    assert may_be("de", "und")
    assert not may_be("de", "en")


class Model:
    """Answers with the same probabilities, and keeps the texts that it was asked about."""

    def __init__(self, answer: dict[str, float]) -> None:
        self.answer, self.asked = answer, list[str]()

    def predict(self, prose: str, count: int, least: float, errors: str) -> tuple[list[str], list[float]]:
        self.asked.append(prose)
        assert (least, errors) == (0.0, "ignore")
        return [f"__label__{tag}" for tag in self.answer][:count], [*self.answer.values()][:count]


def answers(monkeypatch: pytest.MonkeyPatch, **likely: float) -> Model:
    model = Model(likely)
    monkeypatch.setattr(text_language, "_model", lambda: model)
    return model


@pytest.mark.parametrize(
    ("own", "text", "likely", "language"),
    [
        ("de", "a b c", {"en": 0.31, "de": 0.03125}, "de"),  # 30 times the user's first, 3 times English
        ("de", "a b c", {"en": 0.32, "de": 0.03125}, "en"),
        ("de fr", "a b c", {"fr": 0.31, "de": 0.1}, "fr"),  # 10 times the others
        ("de fr", "a b c", {"fr": 0.29, "de": 0.1}, "de"),
        ("de", "a b c", {"it": 0.9375, "de": 1 / 64}, "it"),  # sure, and twice as probable
        ("de", "a b c", {"it": 0.9374, "de": 1 / 64}, "de"),
        ("de", "a b c", {"it": 0.5, "de": 1 / 128}, "it"),
        ("de", "a b c", {"it": 0.4999, "de": 1 / 128}, "de"),
        ("de", "a b c", {"it": 0.29296875, "de": 1 / 2048}, "it"),  # not sure, but 20 times as probable
        ("de", "a b c", {"it": 0.2929, "de": 1 / 2048}, "de"),
        ("de", "a b", {"it": 0.9375, "de": 1 / 64}, "de"),  # two words
        ("de", "à b", {"it": 0.9375, "de": 1 / 64}, "it"),  # unless they need fewer
        ("de", "a b", {"it": 0.9375}, ""),
        ("de", "a b c", {"it": 0.01}, "it"),
        ("de", "a b c", {"nb": 0.02, "de": 0.01}, "de"),
        ("no", "a b c", {"nb": 0.02, "de": 0.01}, "no"),
    ],
)  # fmt: skip
def test_another_language_must_be_much_more_probable_than_the_users(
    own: str, text: str, likely: dict[str, float], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict changes at each limit, and just beyond."""
    answers(monkeypatch, **likely)
    assert detect(text, own.split()) == language


@pytest.mark.parametrize(
    ("text", "probability", "language"),
    [("a b c d", 0.8, "fr"), ("a b c d", 0.79, ""), ("a b c", 0.8, ""), ("à", 0.8, "fr")],
)
def test_only_a_probable_and_long_text_is_certain(
    text: str, probability: float, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four words of four in five; fewer of letters that English has not."""
    answers(monkeypatch, de=0.1, fr=probability)
    assert certain(text) == language


def test_a_short_text_is_read_without_its_signs_and_a_long_one_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three words keep their signs; the more probable of two spellings of a language counts."""
    model = answers(monkeypatch, nb=0.6, no=0.3)
    texts = ["«Oui!» Non.", "«Oui!» Non. Si.", "x" * 999 + "yz"]
    proses = ["Oui Non", texts[1], "x" * 999 + "y"]
    assert [text_language._read(text) for text in texts] == [(prose, {"no": 0.6}) for prose in proses]
    assert {*proses} <= {*model.asked}
    assert max(map(len, model.asked)) == 1000


@pytest.mark.parametrize("package", [None, type("", (), {"origin": None})])
def test_without_its_package_no_language_is_told(package: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package may not be installed, or be a folder without a module."""
    monkeypatch.setattr(text_language, "find_spec", lambda name: package)
    monkeypatch.setattr(text_language, "_model", text_language._model.__wrapped__)
    assert detect("Bonjour à tous", ["fr"]) == ""


def test_the_probabilities_of_a_text_are_of_languages() -> None:
    """The likeliest is the text's own; together they are no more than certain."""
    likely = probabilities("Où est la gare, s'il vous plaît ?")
    assert max(likely, key=lambda code: likely[code]) == "fr"
    assert likely["fr"] > 0.5
    assert sum(likely.values()) <= 1.01

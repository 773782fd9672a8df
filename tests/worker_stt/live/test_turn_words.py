"""A text is a finished turn or not, by its last words."""

from __future__ import annotations

import pytest
from hushd_worker_stt.live.turn_words import FINISHED, OPEN_WORDS, STRONG, WEAK, finished

OPEN = {
    "en": ("I would like to book a table for um", "We had lunch and", "Turn off the lights in the", "It belongs to my"),
    "de": ("Ich hätte gern einen", "Wir gehen ins Kino oder", "Das ist, ähm", "Ich komme, weil"),
    "fr": ("Je voudrais réserver une", "On va au cinéma ou", "C'est, euh", "Il a dit que"),
    "es": ("Quiero reservar una", "Vamos al cine o", "Es que, eh", "Lo hizo porque"),
    "pt": ("Quero reservar uma", "Vamos ao cinema ou", "Eu acho que", "Isto é, hum"),
}
DONE = {
    "en": ("No.", "Not today.", "Come in.", "Turn it off.", "What are you talking about?", "Set it to twenty degrees."),
    "de": ("Nein.", "Heute nicht, danke.", "Mach das Licht aus.", "Wo ist der Bahnhof?", "Um acht Uhr."),
    "fr": ("Non.", "Pas aujourd'hui.", "Où est la gare ?", "À huit heures.", "Éteins la lumière."),
    "es": ("No.", "Hoy no.", "¿Dónde está la estación?", "A las ocho.", "Apaga la luz."),
    "pt": ("Não.", "Hoje não.", "Onde fica a estação?", "Às oito horas.", "Apaga a luz."),
}


@pytest.mark.parametrize(("language", "text"), [(tag, text) for tag, texts in OPEN.items() for text in texts])
def test_a_word_that_no_sentence_ends_with(language: str, text: str) -> None:
    """An article, a conjunction or a sound of hesitation at the end is open, whatever mark a model puts behind it."""
    assert [finished(text + mark, language) for mark in ("", ",", ".", "?")] == [STRONG] * 4


@pytest.mark.parametrize(("language", "text"), [(tag, text) for tag, texts in DONE.items() for text in texts])
def test_what_people_say_is_finished(language: str, text: str) -> None:
    """Answers, orders and questions are waited for no longer than silence says, short as they may be."""
    assert finished(text, language) == FINISHED


@pytest.mark.parametrize("language", OPEN_WORDS)
def test_every_strong_word_is_open(language: str) -> None:
    """Each word of a list counts behind any other, in capitals and with a typographic apostrophe too."""
    for word in OPEN_WORDS[language].strong:
        for form in (word, word.upper(), word.replace("'", "’")):
            assert finished(f"x {form}", language) == STRONG, form


@pytest.mark.parametrize(
    ("text", "probability"),
    [
        ("My number is five five five.", WEAK), ("My number is five five five one two.", WEAK),
        ("It is five five five one two three four.", FINISHED), ("My number is 555 12", WEAK),
        ("My number is 555 1234", FINISHED), ("My number is 555 123 45", FINISHED), ("Room 305", FINISHED),
        ("Channel five.", FINISHED), ("On October 31 2025", FINISHED), ("It costs two hundred", WEAK),
        ("Set a timer for twenty", WEAK), ("Set a timer for twenty minutes", FINISHED),
    ],
)  # fmt: skip
def test_a_number_half_said(text: str, probability: float) -> None:
    """Digits one by one are too few for a telephone's until there are seven, and after a round one more may come."""
    assert finished(text, "en") == probability


@pytest.mark.parametrize(("text", "probability"), [
    ("Because the train was late.", WEAK),
    ("Because the train was late, I missed the meeting.", FINISHED),
    ("Because nobody in this house ever listens to me.", FINISHED),  # long enough to be an answer
    ("I know. When I get home", WEAK),
    ("The old ferry.", WEAK),
    ("The old ferry left at noon.", FINISHED),
    ("Old ferries.", FINISHED),
    ("So", STRONG),
    ("I think so", WEAK),
    ("They told me to", WEAK),
    ("They told me to go on", FINISHED),
    ("We wanted to…", STRONG),
    ("We wanted to go -", STRONG),
])  # fmt: skip
def test_a_clause_that_waits(text: str, probability: float) -> None:
    """A subordinate clause without its main one, a subject without a verb, and what a model leaves open."""
    assert finished(text, "en") == probability

"""Loops of a decoder: cut down to one round, while what people do repeat stays."""

from __future__ import annotations

import pytest
from hushd_worker_stt.engine import Segment, Word
from hushd_worker_stt.wording import is_loop, without_loops

TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness."
)


def cut(text: str) -> str:
    return " ".join(segment.text for segment in without_loops([Segment(0.0, 5.0, text)]))


@pytest.mark.parametrize(("looped", "once"), [
    ("So it is " + "of the two " * 13, "So it is of the two"),
    (
        "The day of the war. " + "The amount of the body. " * 7 + "The am",
        "The day of the war. The amount of the body.",
    ),
    ("powerful, " * 9 + "and", "powerful, and"),
    ("It is very important, and " * 4 + "It is", "It is very important, and"),
    ("Ja. " * 20, "Ja."),
    ("最初に" * 8 + "終わり", "最初に終わり"),
    ("See https/" + "https/" * 30, "See https/"),
    ("See " + "https/" * 3 + "htt", "See https/"),
    ("www." * 5 + "example.org is up.", "www.example.org is up."),
    ("ha" * 40, "ha"),
    ("We went to the shop and " * 3 + "We went", "We went to the shop and"),
    ("So it is " + "of the two " * 3 + "of th", "So it is of the two"),
    ("It was " + "very good " * 3 + "very", "It was very good"),
    ("It was " + "powerful, " * 4 + "powe", "It was powerful,"),
    ("Tools of genetic variation hidden in " + "an " * 6, "Tools of genetic variation hidden in an"),
    ("It is one " + "of the " * 4, "It is one of the"),
])  # fmt: skip
def test_a_loop_is_one_round(looped: str, once: str) -> None:
    """Words that repeat until the text is full are there once, with what came before and after them, and a last round
    that was cut off goes too."""
    assert cut(looped) == once


@pytest.mark.parametrize(
    "text",
    [TWO_CITIES, "No, no, no, no, no, no!", "Thank you, thank you, thank you, thank you so much.", "", "Ha " * 8,
     "Four more years, four more years, four more years, four more years, four more years!",
     "Very good, very good, very good, very.", "They, they, they, they went.", "and and and a", "Hahahahahaha!",
     "Blah-blah-blah-blah.", "1000000000000000000000000 of them", "one-two-one-two-one-two", "The other, the other.",
     "Ha " * 7, "thank you " * 4, "Let it be, let it be, let it be", "Oh no no no no",
     "And he said no, no, no, no, no, no", "I said " + "no " * 6 + "to him", "Well, well, well, well, well, well",
     "she laughed ha ha ha ha ha.", "他说 哈哈哈哈哈哈", "and then we went round and round and round"],
)  # fmt: skip
def test_what_people_repeat_stays(text: str) -> None:
    """Rhetoric, thanks and laughter are not loops."""
    segments = [Segment(0.0, 5.0, text)]
    assert without_loops(segments) == segments
    assert not is_loop(segments)


def test_word_times_go_along() -> None:
    """The words of a loop lose their times with their text; the others keep theirs."""
    text = "well " + "of the two " * 10
    words = tuple(Word(word, 0.1 * number, 0.1 * number + 0.1) for number, word in enumerate(text.split()))
    (segment,) = without_loops([Segment(0.0, 4.0, text, words)])
    assert segment.text == "well of the two"
    assert segment.words == words[:4]

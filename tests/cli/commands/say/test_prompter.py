"""The text on the terminal while it is spoken, and the line that says how far it is: without a terminal or a clock."""

from __future__ import annotations

import random
import re

import pytest
from hushd.reports.display import columns_of
from hushd.synthesis.timeline import Sentence, Spoken
from hushd_cli.commands.say.highlight import Style
from hushd_cli.commands.say.progress import guess, meter
from hushd_cli.commands.say.prompter import Prompter

STYLE = Style("<", "[", ">")  # `<` begins the sentence, `<[` a word of it, `>` ends either
TEXT = "Ever tried. Ever failed.\nNo matter."


def timeline(text: str, seconds: float = 1.0) -> list[Sentence]:
    """A sentence ends with a full stop; every word takes so many seconds, and a sentence as much silence at its end."""
    sentences, now = [], 0.0
    for match in re.finditer(r"[^.\s][^.]*\.", text):
        words = []
        for word in re.finditer(r"\w+", match[0]):
            start = match.start() + word.start()
            words.append(Spoken(now, now + seconds, start, start + len(word[0])))
            now += seconds
        begins = words[0].start if words else now
        now += seconds
        sentences.append(Sentence(begins, now, match.start(), match.end(), tuple(words)))
    return sentences


def test_the_word_and_its_sentence_are_marked() -> None:
    """At any moment: the words that are over, and the line with the sentence and in it the word; none in a pause."""
    prompter = Prompter(timeline(TEXT), STYLE, 80)
    assert prompter.at(TEXT, -1.0) == ("", "")
    assert prompter.at(TEXT, 0.0) == ("", "<[Ever>< tried.> Ever failed.")
    assert prompter.at(TEXT, 1.5) == ("", "<Ever ><[tried><.> Ever failed.")
    assert prompter.at(TEXT, 2.5) == ("", "<Ever tried.> Ever failed.")
    assert prompter.at(TEXT, 3.5) == ("", "Ever tried. <[Ever>< failed.>")
    assert prompter.at(TEXT, 6.5) == ("Ever tried. Ever failed.\n", "<[No>< matter.>")
    assert prompter.rest(TEXT, heard=True) == "No matter.\n"


def test_a_terminal_that_cannot_mark() -> None:
    """The lines are the same, without marks."""
    prompter = Prompter(timeline(TEXT), Style(), 80)
    assert prompter.at(TEXT, 1.5) == ("", "Ever tried. Ever failed.")


def test_long_lines_break_between_words() -> None:
    """Before the last column; a word that is wider than the terminal breaks anywhere, and wide characters take two."""
    text = "Ever tried. Ever failed. Supercalifragilistic. 世界世界世界世界."
    prompter = Prompter(timeline(text), Style(), 13)
    written = ""
    for tenth in range(300):
        over, line = prompter.at(text, tenth / 10)
        assert columns_of(line) <= 12
        written += over
    written += prompter.rest(text, heard=True)
    assert written.splitlines() == ["Ever tried.", "Ever failed.", "Supercalifra", "gilistic.", "世界世界世界", "世界."]


def test_the_terminal_becomes_narrower() -> None:
    """The lines from there on fit, and no word is lost or written twice."""
    text = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."
    prompter = Prompter(timeline(text), Style(), 80)
    assert prompter.at(text, 1.0) == ("", text)
    prompter.columns = 13
    written = ""
    for tenth in range(10, 300):
        over, line = prompter.at(text, tenth / 10)
        assert columns_of(line) <= 12
        written += over
    written += prompter.rest(text, heard=True)
    assert written.split() == text.split()
    assert max(map(columns_of, written.splitlines())) <= 12


def test_what_was_not_heard_is_not_written() -> None:
    """Interrupted, only the line that was begun is finished; before the first word nothing is."""
    prompter = Prompter(timeline(TEXT), STYLE, 80)
    assert prompter.rest(TEXT, heard=False) == ""
    prompter.at(TEXT, 0.0)
    assert prompter.rest(TEXT, heard=False) == "Ever tried. Ever failed.\n"


def test_the_text_commands_no_terminal() -> None:
    """Escapes and other control characters are seen as spaces."""
    text = "\x1b]0;mine\x07 Hello\tthere\r\x9b2J."
    prompter = Prompter(timeline(text), Style(), 80)
    assert prompter.at(text, 0.0).line == " ]0;mine  Hello there  2J."


def test_all_text_is_written_once_and_in_order() -> None:
    """Any text that comes in any pieces, on any terminal: the lines make up the text, but for the spaces between."""
    rng = random.Random(5)
    for _ in range(300):
        text = "".join(rng.choice("ab é世\n.\u0301 ") for _ in range(rng.randrange(1, 120))).strip() + "."
        sentences = timeline(text) or [Sentence(0.0, 1.0, 0, len(text))]
        known: list[Sentence] = []
        prompter = Prompter(known, Style(), rng.randrange(3, 30))
        written, now = "", 0.0
        for sentence in sentences:
            known.append(sentence)
            while now < sentence.end:
                written += prompter.at(text[: max(sentence.text_end, rng.randrange(len(text) + 1))], now).over
                now += rng.uniform(0.1, 1.5)
        written += prompter.rest(text, heard=True)
        assert re.sub(r"\s", "", written) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((3.0, 12.0, True, 80), "[#######                       ] 0:03 of ~0:12"),
        ((3.0, 12.0, False, 80), "[#######                       ] 0:03 of 0:12"),
        ((3.0, 12.0, False, 30), "[##        ] 0:03 of 0:12"),
        ((3.0, 12.0, False, 20), "0:03 of 0:12"),
        ((13.0, 12.0, True, 80), "[##############################] 0:13 of ~0:12"),
        ((4.2145, 4.215, False, 80), "[##############################] 0:04 of 0:04"),  # a length is in milliseconds
        ((3661.0, 0.0, True, 80), "1:01:01"),
    ],
)
def test_the_meter_fits_its_line(arguments: tuple[float, float, bool, int], line: str) -> None:
    """A bar where there is room, how much of how much, and only how much where the end is unknown."""
    assert meter(*arguments) == line


def test_the_length_is_guessed_from_the_beginning() -> None:
    """By the characters; never less than what there is; 0 while nothing is known."""
    assert guess([], 100) == 0.0
    sentences = [Sentence(0.0, 2.0, 0, 25), Sentence(2.0, 4.0, 26, 50)]
    assert guess(sentences, 100) == 8.0
    assert guess(sentences, 10) == 4.0

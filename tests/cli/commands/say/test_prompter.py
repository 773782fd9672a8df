"""The text on the terminal while it is spoken, and the line that says how far it is: without a terminal or a clock."""

from __future__ import annotations

import re

from hushd.reports.display import columns_of
from hushd.synthesis.speech import Sentence, Spoken
from hushd_cli.commands.say.prompter import Prompter, Style

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

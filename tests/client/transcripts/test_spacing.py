"""Japanese and Chinese: no space where one text follows another, in a line, a subtitle or a whole transcript."""

from __future__ import annotations

import json

import pytest
from hushd.transcripts.cues import readable
from hushd.transcripts.segment import Segment, Word, between, joined
from hushd.transcripts.transcript import Transcript

SEGMENTS = ("昨日です。", "「はい」と言った。", "（笑い）", "2024年にYesと答えた。", "１２月。")
WHOLE = "".join(SEGMENTS)


@pytest.mark.parametrize(("before", "after", "space"), [
    ("です。", "「はい", ""), ("です", "（笑", ""), ("です。", "2024年", ""), ("です。", "１２月", ""),
    ("2024", "年", ""), ("你好！", "Yes.", ""), ("Yes.", "你好", ""), ("「はい」", "Yes", ""), ("𠮷野家", "で", ""),
    ("It is.", "2024 was.", " "), ("It is.", "“Yes.”", " "), ("안녕하세요.", "네.", " "), ("สวัสดี", "ครับ", " "),
    ("Ça va ?", "« Oui. »", " "),
])  # fmt: skip
def test_what_stands_between_two_texts(before: str, after: str, space: str) -> None:
    """A space, but none on either side of a Chinese or Japanese character or mark."""
    assert between(before, after) == between(f"{before} ", f" {after}") == space
    assert joined([before, " ", after]) == f"{before}{space}{after}"


def segments(words: bool) -> list[Segment]:
    """Returns segments with each character a word, as engines have it, or without words."""
    found = []
    for number, text in enumerate(SEGMENTS):
        size = 1 / len(text)
        each = tuple(Word(letter, number + at * size, number + (at + 1) * size) for at, letter in enumerate(text))
        found.append(Segment(number, float(number), number + 1.0, text, each if words else ()))
    return found


@pytest.mark.parametrize("words", [True, False])
def test_subtitles_have_no_spaces(words: bool) -> None:
    """Only the lines break the text, never a space, with word times or without."""
    text = "".join(cue.text for cue in readable(segments(words)))
    assert " " not in text
    assert text.replace("\n", "") == WHOLE


def test_whole_transcripts() -> None:
    """The text of a transcript, and that of its JSON, are one line without spaces; in other languages with them."""
    made = Transcript(tuple(segments(words=False)), "ja")
    assert made.text == json.loads(made.render("json"))["text"] == WHOLE
    english = Transcript((Segment(0, 0, 1, " It was."), Segment(1, 1, 2, ""), Segment(2, 2, 3, "2024.")), "en")
    assert english.text == json.loads(english.render("json"))["text"] == "It was. 2024."

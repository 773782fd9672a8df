"""Subtitles: cues that can be read in time."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hushd.transcripts.cues import MAX_CUE_S, readable, shown
from hushd.transcripts.segment import Layout, Segment, Word
from hushd.transcripts.transcript import Transcript

OPENING = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity."
)


def test_every_cue_can_be_seen_and_none_covers_another() -> None:
    """Short ones stay 0.8 s or until the next, words without length too, and overlapping segments make none that
    overlap; a text is written without waiting for the next where it is long enough."""
    words = tuple(Word(f" {word}", 5.0, 5.0) for word in ("no", "matter", "try"))
    segments = (
        Segment(0, 0.0, 0.2, "Yes."), Segment(1, 0.5, 3.0, "Ever tried."), Segment(2, 2.0, 4.0, "Ever failed."),
        Segment(3, 5.0, 5.0, "no matter try", words), Segment(4, 9.0, 9.1, "Again."),
    )  # fmt: skip
    cues = list(shown(readable(segments)))
    for cue, following in pairwise(cues):
        assert cue.start < cue.end <= following.start
        assert cue.end - cue.start >= min(0.8, following.start - cue.start) - 1e-9
        assert cue.end - cue.start >= 0.04 - 1e-9
    assert cues[-1].end - cues[-1].start == pytest.approx(0.8)
    assert [(cue.start, cue.end) for cue in cues[:3]] == [(0.0, 0.5), (0.5, 3.0), (3.0, 4.0)]


def test_webvtt_is_escaped_and_subrip_is_not() -> None:
    """Players would swallow what looks like a tag."""
    words = tuple(Word(word, n, n + 1.0) for n, word in enumerate((" List<String>", " AT&T", " <inaudible>")))
    said = Transcript((Segment(0, 0.0, 3.0, "List<String> AT&T <inaudible>", words),))
    assert "\nList&lt;String&gt; AT&amp;T &lt;inaudible&gt;\n" in said.render("vtt")
    assert "\nList<String> AT&T <inaudible>\n" in said.render("srt")


def widths(text: str) -> list[int]:
    return [sum(2 if "\u3000" <= c <= "\uffef" else 1 for c in line) for line in text.split("\n")]


def test_a_long_segment_is_cut_where_its_phrases_end() -> None:
    """Twelve seconds without word times become three cues of two whole phrases each, a phrase a line."""
    cues = list(readable([Segment(0, 0.0, 12.0, OPENING)]))
    assert [cue.text for cue in cues] == [
        "It was the best of times,\nit was the worst of times,",
        "it was the age of wisdom,\nit was the age of foolishness,",
        "it was the epoch of belief,\nit was the epoch of incredulity.",
    ]
    assert [round(cue.start, 1) for cue in cues] == [0.0, 3.7, 7.7]
    assert [round(cue.end, 1) for cue in cues] == [3.7, 7.7, 12.0]


def test_sentences_stay_whole_where_they_fit() -> None:
    """A cue ends with a sentence rather than with a phrase, and never behind a title."""
    text = "I asked Mr. Smith, who was there. He said that he had not seen it, neither then nor later, and left us."
    cues = [cue.text.replace("\n", " ") for cue in readable([Segment(0, 0.0, 9.0, text)])]
    assert cues == [
        "I asked Mr. Smith, who was there.",
        "He said that he had not seen it, neither then nor later, and left us.",
    ]


def test_languages_without_spaces_are_cut_too() -> None:
    """A character of Japanese is a word, two columns wide; no line begins with a closing mark."""
    text = "今日は天気がいいですね。散歩に行きましょうか、それとも家で本を読みましょうか。私はどちらでもいいですよ。"
    cues = list(readable([Segment(0, 0.0, 10.0, text)]))
    assert "".join(cue.text.replace("\n", "") for cue in cues) == text
    assert len(cues) > 1
    assert all(not line.startswith(("。", "、")) for cue in cues for line in cue.text.split("\n"))


def test_subtitles_have_the_lines_that_are_asked_for() -> None:
    """One line, or more than two: the last two are balanced, and those before them are full."""
    text = "It was the best of times and the worst of times and the age of wisdom and of foolishness."
    transcript = Transcript([Segment(0, 0.0, 6.0, text)], "en", 6.0)
    shown = transcript.render("srt", max_line_width=24, max_line_count=4).splitlines()[2:]
    assert shown == [
        "It was the best of times", "and the worst of times", "and the age of wisdom", "and of foolishness.", "",
    ]  # fmt: skip
    single = transcript.render("vtt", max_line_width=30, max_line_count=1)
    assert all(block.count("\n") == 1 for block in single.strip().split("\n\n")[1:])


def test_any_text_becomes_cues_that_can_be_read() -> None:
    """Lines and columns as asked, and seven seconds, unless a single word is more; no word or second is lost."""
    rng = random.Random(5)
    stock = ["a", "of", "times,", "wisdom.", "incredulity", "x" * 50, "—", "“So?”", "世", "界。", "ประ", "Mr.", "<i>"]
    for _ in range(600):
        text = "".join(rng.choice([" ", " ", " ", ""]) + rng.choice(stock) for _ in range(rng.randrange(1, 60))).strip()
        segment = Segment(0, 5.0, 5.0 + rng.choice([0.0, 0.5, 4.0, 15.0, 60.0]), text, speaker=rng.choice(["", "S"]))
        layout = Layout(rng.choice([42, 20, 80]), rng.choice([1, 2, 3, 4]))
        cues = list(readable([segment], 4, layout))
        assert "".join("".join(cue.text.split()) for cue in cues) == "".join(text.split())
        assert (cues[0].start, cues[-1].end) == (segment.start, pytest.approx(segment.end))
        room = 5 if segment.speaker else 0
        for cue, following in zip(cues, [*cues[1:], None], strict=True):
            assert following is None or cue.end == following.start
            assert cue.text.count("\n") < layout.lines
            single = len(cue.text.split()) == 1
            assert cue.end - cue.start <= MAX_CUE_S + 1e-6 or single
            for number, line in enumerate(cue.text.split("\n")):
                limit = layout.columns - (room if number == 0 else 0)
                assert widths(line)[0] <= limit or len(line.split()) == 1, cue

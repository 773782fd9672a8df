"""Subtitles: cues that can be read in time."""

from __future__ import annotations

import random
import re
import sys
from itertools import accumulate, pairwise

import pytest
from hushd.transcripts.cues import MAX_CUE_S, readable, shown
from hushd.transcripts.segment import Layout, Segment, Word
from hushd.transcripts.transcript import Transcript

OPENING = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity."
)


def test_every_cue_stays_for_a_while_and_those_of_a_speaker_follow_each_other() -> None:
    """A short segment is read with the one after it; one without length, or that overlaps, delays the next."""
    words = tuple(Word(f" {word}", 5.0, 5.0) for word in ("no", "matter", "try"))
    segments = (
        Segment(0, 0.0, 0.2, "Yes."), Segment(1, 0.5, 3.0, "Ever tried."), Segment(2, 2.0, 4.0, "Ever failed."),
        Segment(3, 5.0, 5.0, "no matter try", words), Segment(4, 9.0, 9.1, "Again."),
    )  # fmt: skip
    cues = [(cue.start, round(cue.end, 3), cue.text) for cue in shown(readable(segments))]
    assert cues == [
        (0.0, 3.0, "Yes. Ever tried."), (3.0, 4.0, "Ever failed."), (5.0, 5.8, "no matter try"), (9.0, 9.8, "Again."),
    ]  # fmt: skip
    fast = [Segment(0, 0.0, 1.2, OPENING[:99]), Segment(1, 1.2, 1.3, "No."), Segment(2, 1.3, 4.0, "Why not?")]
    assert [(cue.start, cue.end) for cue in shown(readable(fast))] == [(0.0, 0.8), (0.8, 1.6), (1.6, 4.0)]


def test_two_people_at_once_are_seen_at_once() -> None:
    """A word that one says beside the other stays as long as any; cues are in the order of their beginnings."""
    said = [(0.0, 9.0, "A", OPENING[:80]), (3.91, 4.0, "B", "No."), (9.1, 10.0, "A", "Well.")]
    segments = [Segment(n, start, end, text, speaker=who) for n, (start, end, who, text) in enumerate(said)]
    cues = list(shown(readable(segments)))
    assert [(cue.speaker, cue.start) for cue in cues] == [("A", 0.0), ("B", 3.91), ("A", cues[2].start), ("A", 9.1)]
    assert cues[1].end == pytest.approx(4.71)
    assert cues[0].end > 3.91 or cues[2].start < 4.71


def test_any_talk_becomes_cues_that_can_be_read() -> None:
    """However fast it is, and however many speak at once."""
    rng = random.Random(7)
    for _ in range(300):
        at, segments = 0.0, []
        for number in range(rng.randrange(1, 12)):
            at += rng.choice([0.0, 0.05, 0.5, 3.0])
            text = " ".join(rng.choice(["so", "Dr.", "incredulity,", "No."]) for _ in range(rng.choice([1, 2, 30])))
            segments.append(Segment(number, at, at + rng.choice([0.0, 0.1, 1.2, 8.0]), text, speaker=rng.choice("AB")))
        cues = list(shown(readable(segments)))
        assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
        assert min(cue.end - cue.start for cue in cues) >= 0.8 - 1e-9
        for who in "AB":
            own = [cue for cue in cues if cue.speaker == who]
            assert all(before.end <= after.start for before, after in pairwise(own))
            assert "".join("".join(cue.text.split()) for cue in own) == "".join(
                "".join(each.text.split()) for each in segments if each.speaker == who
            )


@pytest.mark.parametrize(("language", "text", "name"), [
    ("", "We invited Mr. and Mrs. Smith to the party on Saturday evening, and they came.", "Mrs. Smith"),
    ("en", "The service takes place at the old church of St. John's in the middle of town.", "St. John's"),
    ("en", "The film that everybody talks about stars Samuel L. Jackson and Uma Thurman, of course.", "L. Jackson"),
    ("en", "It was described in great detail by J. R. R. Tolkien in one of his many letters.", "J. R. R. Tolkien"),
    ("en", "The order was given yesterday by the famous Gen. Patton in front of all troops.", "Gen. Patton"),
    ("en", "Have a look at the second drawing, which is fig. 3 of the whole long chapter.", "fig. 3"),
    ("de", "Heute spricht zu uns der berühmte Chirurg Prof. Dr. Müller über seine neue Arbeit.", "Prof. Dr. Müller"),
    ("de", "Wir treffen uns also am Samstag, dem 3. Oktober, vor dem Haupteingang des Museums.", "3. Oktober"),
    ("es", "El premio de este año lo recibió por fin el Sr. García de manos de la Sra. Gómez.", "Sr. García"),
    ("pt", "O prémio deste ano foi entregue ontem à noite pelo Dr. Silva à Sra. Dona Maria.", "Dr. Silva"),
])  # fmt: skip
def test_nothing_ends_within_a_name(language: str, text: str, name: str) -> None:
    """Cues know the abbreviations of the language that speaking knows, too: no line and no subtitle ends in them."""
    for columns in range(30, 50):
        cues = readable([Segment(0, 0.0, 8.0, text)], layout=Layout(columns, 2), language=lambda: language)
        assert name in "|".join(cue.text for cue in cues)


def test_webvtt_is_escaped_and_subrip_is_not() -> None:
    """Players would swallow what looks like a tag."""
    words = tuple(Word(word, n, n + 1.0) for n, word in enumerate((" List<String>", " AT&T", " <inaudible>")))
    said = Transcript((Segment(0, 0.0, 3.0, "List<String> AT&T <inaudible>", words),))
    assert "\nList&lt;String&gt; AT&amp;T &lt;inaudible&gt;\n" in said.render("vtt")
    assert "\nList<String> AT&T <inaudible>\n" in said.render("srt")


def widths(text: str) -> list[int]:
    return [sum(2 if "\u3000" <= c <= "\uffef" else 1 for c in line) for line in text.split("\n")]


@pytest.mark.parametrize("begins", [0.0, 3600.0])
def test_a_long_segment_is_cut_where_its_phrases_end(begins: float) -> None:
    """Twelve seconds without word times become three cues of two whole phrases each, a phrase a line."""
    cues = list(readable([Segment(0, begins, begins + 12.0, OPENING)]))
    assert [cue.text for cue in cues] == [
        "It was the best of times,\nit was the worst of times,",
        "it was the age of wisdom,\nit was the age of foolishness,",
        "it was the epoch of belief,\nit was the epoch of incredulity.",
    ]
    assert [round(cue.start - begins, 1) for cue in cues] == [0.0, 3.7, 7.7]
    assert [round(cue.end - begins, 1) for cue in cues] == [3.7, 7.7, 12.0]


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


THAI = ["ประเทศไทย", "มี", "ประชากร", "มากกว่า", "หกสิบ", "ล้าน", "คน", "และ", "มี", "อาหาร", "อร่อย", "มากมาย"]
CHINESE = ["今天", "我们", "讨论", "的", "问题", "非常", "重要", "请", "大家", "认真", "听讲"]


def pieces(text: str, seconds: float, words: tuple[Word, ...] = ()) -> list[str]:
    layout = Layout(columns=12, lines=1)
    return [cue.text for cue in readable([Segment(0, 0.0, seconds, text, words=words)], layout=layout)]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("words", [THAI, CHINESE, ["😀", *CHINESE]])
def test_no_word_of_a_language_without_spaces_is_cut(words: list[str], timed: bool) -> None:
    """ICU knows where they end, also where the engine has timed each character, and behind a sign of two units."""
    pytest.importorskip("icu4py")
    text = "".join(words)
    times = tuple(Word(sign, number / 10, number / 10 + 0.1) for number, sign in enumerate(text)) if timed else ()
    cues = pieces(text, len(text) / 10, times)
    assert "".join(cues) == text
    assert len(cues) > 2
    ends = set(accumulate(map(len, words)))
    assert set(accumulate(map(len, cues))) <= ends


@pytest.mark.parametrize(("words", "icu"), [(THAI * 2, True), (CHINESE * 2, True), (CHINESE * 3, False)])
def test_a_sentence_that_is_timed_as_one_word_is_cut_in_it(
    monkeypatch: pytest.MonkeyPatch, words: list[str], icu: bool
) -> None:
    """A voice times what stands between spaces: no line is too wide, and cues last until its end. ICU cuts no word."""
    if icu:
        pytest.importorskip("icu4py")
    else:
        monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    text = "".join(words)
    cues = list(readable([Segment(0, 0.0, 20.0, text, (Word(text, 0.0, 20.0),))]))
    rows = [line for cue in cues for line in cue.text.split("\n")]
    assert max(widths("\n".join(rows))) <= 42
    assert not icu or set(accumulate(map(len, rows))) <= set(accumulate(map(len, words)))
    assert ("".join(rows), cues[0].start, cues[-1].end) == (text, 0.0, 20.0)
    assert all(0 < cue.end - cue.start <= MAX_CUE_S for cue in cues)


JAPANESE = ["今日は天気がいいので", "散歩に行きましょうか"]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("between", [" ", "、", "「"])
def test_without_icu_no_run_of_letters_is_cut(monkeypatch: pytest.MonkeyPatch, between: str, timed: bool) -> None:
    """Thai of any length, and Chinese and Japanese that a cue can hold, end at their spaces and signs alone."""
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    layout = Layout(columns=20, lines=1)
    for runs in (["".join(THAI[:6]), "".join(THAI[6:])], ["".join(CHINESE[:5]), "".join(CHINESE[6:9])], JAPANESE):
        text = between.join(runs)
        signs = re.findall(r"[\s「]?[^\s「]", text) if timed else []
        times = tuple(Word(sign, number / 10, number / 10 + 0.1) for number, sign in enumerate(signs))
        cues = [cue.text for cue in readable([Segment(0, 0.0, len(text) / 4, text, times)], layout=layout)]
        assert [cue.rstrip("、").lstrip("「") for cue in cues] == runs


def test_a_run_that_no_cue_holds_is_cut_without_icu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese of a column more than both lines have is cut between two characters, and without a rest."""
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    text = "".join([*CHINESE, "了"])
    layouts = [Layout(columns=21, lines=2), Layout(columns=20, lines=2), Layout(columns=42, lines=1)]
    cues = [[cue.text for cue in readable([Segment(0, 0.0, 6.0, text)], layout=layout)] for layout in layouts]
    assert cues[0] == cues[2] == [text]
    assert "".join(cues[1]).replace("\n", "") == text
    assert all(widths(line)[0] <= 20 for cue in cues[1] for line in cue.split("\n"))


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
    """Lines and columns as asked, and seven seconds; no word is lost, no second but one word's beyond seven."""
    rng = random.Random(5)
    stock = ["a", "of", "times,", "wisdom.", "incredulity", "x" * 50, "—", "“So?”", "世", "界。", "ประ", "Mr.", "<i>"]
    for _ in range(600):
        text = "".join(rng.choice([" ", " ", " ", ""]) + rng.choice(stock) for _ in range(rng.randrange(1, 60))).strip()
        segment = Segment(0, 5.0, 5.0 + rng.choice([0.0, 0.5, 4.0, 15.0, 60.0]), text, speaker=rng.choice(["", "S"]))
        layout = Layout(rng.choice([42, 20, 80]), rng.choice([1, 2, 3, 4]))
        cues = list(readable([segment], 4, layout))
        assert "".join("".join(cue.text.split()) for cue in cues) == "".join(text.split())
        assert cues[0].start == segment.start
        assert cues[-1].end == pytest.approx(min(segment.end, cues[-1].start + MAX_CUE_S))
        room = 5 if segment.speaker else 0
        for cue, following in zip(cues, [*cues[1:], None], strict=True):
            longest = cue.start + MAX_CUE_S
            assert following is None or cue.end == min(following.start, longest)
            assert cue.text.count("\n") < layout.lines
            assert cue.end <= longest + 1e-6
            for number, line in enumerate(cue.text.split("\n")):
                limit = layout.columns - (room if number == 0 else 0)
                assert widths(line)[0] <= limit or len(line.split()) == 1, cue

"""`listen --align old.srt`: cues keep everything but their times."""

from __future__ import annotations

import json
import random
import re
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pytest
from hushd.transcripts.segment import USUAL, Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_cli.commands.listen.script import Script
from support.refusals import hushd_error

LINES = (
    "<i>It was the best of times,</i>\nit was the worst of times,",
    "{\\an8}it was the age of wisdom,\nit was the age of foolishness,",
    "[Anna]: it was the epoch of belief &amp; of incredulity,",
    "♪♪",
    "it was the season of Light,\nit was the season of Darkness,",
    "it was the spring of hope,\n<b>it was the winter of despair,</b>",
    "we had everything before us,\nwe had nothing before us.",
)
TIMES = ((1.0, 4.2), (4.5, 8.0), (8.4, 12.0), (12.1, 13.0), (13.2, 17.0), (17.5, 21.0), (22.0, 25.5))


def clock(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", ",")


def srt(times: Sequence[tuple[float, float]], lines: Sequence[str] = LINES) -> str:
    cues = zip(times, lines, strict=True)
    return "".join(
        f"{n}\n{clock(start)} --> {clock(end)}\n{text}\n\n" for n, ((start, end), text) in enumerate(cues, 1)
    )


def plain(text: str) -> list[str]:
    return re.sub(r"<[^>]*>|\{[^}]*\}|\[[^\]]*\]: |♪", "", text.replace("&amp;", "and")).split()


def speech(leave_out: Sequence[int] = (), cut_s: float = 0.0) -> Transcript:
    """Returns the lines as heard at their times, but for those left out, where `cut_s` seconds are missing."""
    segments, gone = [], 0.0
    for n, ((start, end), text) in enumerate(zip(TIMES, LINES, strict=True)):
        if n in leave_out:
            gone += cut_s
        elif words := plain(text):
            each = (end - start) / len(words)
            said = [
                Word(f" {word}", start - gone + i * each, start - gone + (i + 1) * each) for i, word in enumerate(words)
            ]
            segments.append(Segment(n, said[0].start, said[-1].end, " ".join(words), tuple(said)))
    return Transcript(tuple(segments), "en", 30.0)


def retimed(
    tmp_path: Path, content: bytes | str, heard: Transcript, name: str = "old.srt", form: str | None = None
) -> str:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    script = Script(str(tmp_path / name), options := Namespace(language="en", output=None, format=form))
    transcript = script.aligned(heard)
    retimed.warnings = [each.message for each in transcript.warnings]  # type: ignore[attr-defined]
    return "".join(script.render(options.format, transcript, USUAL))


def seconds(text: str) -> list[float]:
    return [60 * int(m) + float(s.replace(",", ".")) for m, s in re.findall(r"(\d\d):(\d\d[.,]\d{2,3})", text)]


@pytest.mark.parametrize("wrong", [lambda t: t + 3, lambda t: t * 1.04, lambda t: t * 0.96 + 1, lambda t: t])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_times_change(wrong, end: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Numbers, lines, markup and line ends stay to the letter; the times are those at which the lines are heard."""
    old = srt([(wrong(start), wrong(stop)) for start, stop in TIMES]).replace("\n", end)
    new = retimed(tmp_path, "\ufeff" + old, speech())
    assert re.sub(r"\d\d:\d\d:\S+", "", new) == re.sub(r"\d\d:\d\d:\S+", "", old)
    truth = [each for n, pair in enumerate(TIMES) for each in pair if n != 3]
    found = [each for n, each in enumerate(seconds(new)) if n not in (6, 7)]
    assert found == [pytest.approx(each, abs=0.15) for each in truth]


def test_a_line_that_nobody_says_keeps_its_place_between_its_neighbours(tmp_path: Path) -> None:
    """It is named, and so is each of a part that was cut out; what follows the cut has its own times."""
    new = seconds(retimed(tmp_path, srt([(a + 3, b + 3) for a, b in TIMES]), speech([4])))
    assert new[8:10] == [pytest.approx(13.2, abs=0.4), pytest.approx(17.0, abs=0.9)]
    assert retimed.warnings == ["Not spoken, at 13 s: it was the season of … was the season of Darkness, (12 words)."]  # type: ignore[attr-defined]
    new = seconds(retimed(tmp_path, srt(TIMES), speech([4, 5], cut_s=4.3)))
    assert new[12:] == [pytest.approx(22 - 8.6, abs=0.15), pytest.approx(25.5 - 8.6, abs=0.15)]
    assert new == sorted(new)
    assert len(retimed.warnings) == 2  # type: ignore[attr-defined]


def test_a_short_line_is_not_put_into_a_pause(tmp_path: Path) -> None:
    """Nobody says it there, so that it is named; it stays as far from its neighbours as it was."""
    lines = (*LINES[:2], "Who goes there?", *LINES[4:])
    new = seconds(retimed(tmp_path, srt((*TIMES[:2], (9.0, 10.0), *TIMES[4:]), lines), speech([2])))
    assert new[4:6] == [pytest.approx(9.0, abs=0.4), pytest.approx(10.0, abs=0.4)]
    assert retimed.warnings == ["Not spoken, at 9 s: Who goes there? (3 words)."]  # type: ignore[attr-defined]


def test_a_line_that_was_half_misheard_does_not_last_until_the_next_one(tmp_path: Path) -> None:
    """Speech that the file has not follows a line, with letters of its last words: it ends before."""
    text = "we should turn back nestor my rhymes the old man laughed and there was no sail arrived at the storm arose"
    said = tuple(Word(f" {word}", n / 2, n / 2 + 0.4) for n, word in enumerate(text.split()))
    heard = Transcript((Segment(0, 0.0, 10.4, text, said),), "en", 30.0)
    new = seconds(retimed(tmp_path, srt([(3.0, 5.5)], ["We should turn back before the storm arrives."]), heard))
    assert new == [pytest.approx(0.0, abs=0.2), pytest.approx(3.5, abs=1.2)]


VTT = """WEBVTT - film
Kind: captions

STYLE
::cue { color: red }

NOTE a comment

intro
00:04.000 --> 00:07.200 align:start position:10%
<v Anna>It was <00:05.000><c>the best of times,</c>
it was the worst of times,

01:00:07.500 --> 01:00:11.000
it was the age of wisdom, it was the age of foolishness,

00:08.400 --> 00:12.000
it was the epoch of belief and of incredulity
"""
ASS = """[Script Info]
Title: x

[V4+ Styles]
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:04.00,0:00:07.20,Default,Anna,0,0,0,,{\\i1}It was the best of times,{\\i0}\\Nit was the worst of times,
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,no, nothing
Dialogue: 1,0:00:04.00,0:00:07.00,Default,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}
Dialogue: 0,0:00:07.50,0:00:11.00,Default,,0,0,0,,{\\an8}it was the age of wisdom,\\Nit was the age of foolishness,
"""


@pytest.mark.parametrize(("text", "name"), [(VTT, "a.vtt"), (VTT, "a.srt"), (ASS, "a.ass"), (srt(TIMES), "a.vtt")])
def test_each_form_stays_to_the_letter(text: str, name: str, tmp_path: Path) -> None:
    """Settings, styles, notes, names and drawings stay, whatever the file's name says; cues may be out of order."""
    times = r"\d+:[\d:]+[.,]\d+(?=[ ,\n]+(?:-->|0:|\n|align|Default))|(?<=--> )\S+|(?<=<)[\d:.]+(?=>)"
    new = retimed(tmp_path, text, speech(), name)
    assert re.sub(times, "T", new) == re.sub(times, "T", text)
    assert new != text or text.startswith("1")
    assert ("<00:02.089><c>" in new) == (text is VTT)  # 1 s into the cue, as before


@pytest.mark.parametrize(("old", "new"), [
    ("00:00:01,000 --> 00:00:04", "00:00:01,000 --> 00:00:04,200"),
    ("0:0:1,000 --> 0:0:4,200", "00:00:01,000 --> 00:00:04,200"),
    ("00:00:01:000 --> 00:00:04:200", "00:00:01,000 --> 00:00:04,200"),
    ("-00:00:01,000 --> 00:00:02,200", "00:00:01,000 --> 00:00:04,200"),
    ("00:00:01.000 --> 00:00:04.200", "00:00:01.000 --> 00:00:04.200"),
])  # fmt: skip
def test_foreign_times_become_those_of_the_form(old: str, new: str, tmp_path: Path) -> None:
    """Times of other programs are written as players read them: with hours, two digits and milliseconds."""
    text = srt(TIMES[:2], LINES[:2])
    changed = retimed(tmp_path, text.replace("00:00:01,000 --> 00:00:04,200", old), speech())
    assert [round(each, 1) for each in seconds(changed)[:2]] == [pytest.approx(each, abs=0.15) for each in (1.0, 4.2)]
    pattern = re.sub("[0-9]", "0", new)
    assert re.sub("[0-9]", "0", changed.split("\n")[1]) == pattern


def test_cues_that_overlap_still_do(tmp_path: Path) -> None:
    """A cue that stood beside the next one is not cut where that begins; one that ended before it still does."""
    starts = [start for start, _ in TIMES]
    overlapping = [(start, start + 9.0) for start in starts[:2]] + [*TIMES[2:]]
    new = seconds(retimed(tmp_path, srt(overlapping), speech()))
    assert new[1] == pytest.approx(10.0, abs=0.3)
    assert new[3] == pytest.approx(13.5, abs=0.3)
    assert new[5] <= new[8]


def test_times_of_ass_have_one_digit_of_hours_and_hundredths(tmp_path: Path) -> None:
    """So players read them."""
    new = retimed(tmp_path, ASS, speech(), "a.ass")
    times = re.findall(r"^Dialogue: 0,([^,]+),([^,]+),", new, re.MULTILINE)
    assert all(re.fullmatch(r"\d:\d\d:\d\d\.\d\d", each) for pair in times for each in pair)
    found = [60 * int(each[2:4]) + float(each[5:]) for pair in times for each in pair]
    assert found == [pytest.approx(each, abs=0.15) for each in (1.0, 4.2, 4.5, 8.0)]


def test_other_formats_have_what_is_said(tmp_path: Path) -> None:
    """A segment is a cue in which somebody speaks, without its markup, with the times of its words."""
    rows = json.loads(retimed(tmp_path, srt(TIMES), speech(), form="json"))["segments"]
    assert [row["text"] for row in rows][2:4] == [
        "it was the epoch of belief & of incredulity,", "it was the season of Light, it was the season of Darkness,",
    ]  # fmt: skip
    assert [word["word"] for word in rows[0]["words"]][:2] == [" It", " was"]
    assert "<v Anna>it was the epoch" in retimed(tmp_path, srt(TIMES), speech(), form="vtt")


def test_other_encodings(tmp_path: Path) -> None:
    """UTF-16 says what it is; another is refused if it makes no language, since a wrong guess would never match."""
    assert "{\\an8}it was" in retimed(tmp_path, srt(TIMES).encode("utf-16"), speech())
    with hushd_error("input_unreadable", "iconv"):
        retimed(tmp_path, srt(TIMES).replace("♪", "\u00e9").encode("latin-1"), speech())


@pytest.mark.parametrize(("content", "code", "words"), [
    (b"", "bad_request", "is empty"),
    (b"Some text.\n", "input_unreadable", "has no cue"),
    (b"1\n00:05 --> 00:00:06,000\nHi\n", "input_unreadable", "Line 2 of .*old.srt has no times: '00:05"),
    (ASS.replace("0:00:07.50,", "0:7.50,").encode(), "input_unreadable", "Line 12 of .*has no times: 'Dialogue"),
    (srt(TIMES[:1], LINES[:1]).replace("04,200", "4'200").encode(), "input_unreadable", "Line 2 of .*has no times"),
    (srt(TIMES).replace("00:00:08,400 -->", "00:8 -->").encode(), "input_unreadable", "Line 12 of .*has no times"),
    (b"1\n00:00:01,000 --> 00:00:02,000\n\xe2\x99\xaa\n", "input_unreadable", "in which somebody speaks"),
    (b"WEBVTT\n\n", "input_unreadable", "has no cue"),
])  # fmt: skip
def test_what_has_no_cues_is_refused(content: bytes, code: str, words: str, tmp_path: Path) -> None:
    """One sentence, with the line."""
    with hushd_error(code, words):
        retimed(tmp_path, content, speech())


@pytest.mark.parametrize("seed", range(60))
def test_any_subtitles_and_any_speech(seed: int, tmp_path: Path) -> None:
    """Each cue is there once, none has a negative time, and said cues come in the order of the file's times."""
    chance = random.Random(seed)
    times = [(at := chance.uniform(0, 40), at + chance.choice([0.0, 0.3, 5.0])) for _ in LINES]
    order = chance.sample(LINES, len(LINES))
    new = retimed(tmp_path, srt(times, order), speech(chance.sample(range(7), chance.randrange(4))))
    assert [line for line in new.split("\n") if "-->" not in line] == [
        line for line in srt(times, order).split("\n") if "-->" not in line
    ]
    assert all(start <= stop for start, stop in zip(seconds(new)[::2], seconds(new)[1::2], strict=True))

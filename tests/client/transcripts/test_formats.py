"""Transcripts as text: the bytes openai-whisper's command would have written, and who spoke."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hushd.transcripts.formats import TRANSCRIPT_FORMATS, render, timestamp, transcript_format
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_schema.results import ResultWarning
from support.refusals import hushd_error

TWO = Transcript(
    (Segment(0, 0.0, 1.5, " Ever tried."), Segment(1, 3659.0, 3661.0415, " Ever\tfailed --> no matter. ")), "en", 3661.1
)


@pytest.mark.parametrize(("seconds", "always", "sometimes"), [
    (0.0, "00:00:00,000", "00:00.000"), (0.0004, "00:00:00,000", "00:00.000"), (0.0006, "00:00:00,001", "00:00.001"),
    (0.9994, "00:00:00,999", "00:00.999"), (0.9996, "00:00:01,000", "00:01.000"),
    (59.9999, "00:01:00,000", "01:00.000"), (61.5, "00:01:01,500", "01:01.500"),
    (3599.9996, "01:00:00,000", "01:00:00.000"), (3600.0, "01:00:00,000", "01:00:00.000"),
    (36_000.25, "10:00:00,250", "10:00:00.250"), (360_000.0, "100:00:00,000", "100:00:00.000"),
    (-0.01, "00:00:00,000", "00:00.000"),
])  # fmt: skip
def test_timestamps(seconds: float, always: str, sometimes: str) -> None:
    """Rounded to the millisecond, carried into minutes and hours; hours stand in SRT always, in VTT when needed."""
    assert timestamp(seconds, hours=True, mark=",") == always
    assert timestamp(seconds, hours=False, mark=".") == sometimes


@pytest.mark.parametrize(("form", "text"), [
    ("txt", "Ever tried.\nEver\tfailed --> no matter.\n"),
    ("srt", "1\n00:00:00,000 --> 00:00:01,500\nEver tried.\n\n"
            "2\n01:00:59,000 --> 01:01:01,042\nEver\tfailed -> no matter.\n\n"),
    ("vtt", "WEBVTT\n\n00:00.000 --> 00:01.500\nEver tried.\n\n"
            "01:00:59.000 --> 01:01:01.042\nEver\tfailed --&gt; no matter.\n\n"),
    ("lrc", "[00:00.00]Ever tried.\n[60:59.00]Ever failed --> no matter.\n"),
    ("tsv", "start\tend\ttext\n0\t1500\tEver tried.\n3659000\t3661042\tEver failed --> no matter.\n"),
])  # fmt: skip
def test_each_format(form: str, text: str) -> None:
    """A stripped line a segment; subtitles with numbers, an hour where it is wanted, and no arrow in the text; whole
    milliseconds, and a space in place of a tab."""
    assert TWO.render(form) == text


def test_json() -> None:
    """One object of text, segments and language; words only where they are known."""
    words = (Word("Hi.", 0.1, 0.4),)
    segments = (Segment(0, 0.0, 0.5, "Hi.", words), Segment(1, 1.0, 2.0, "Ho."))
    document = json.loads(Transcript(segments, "de").render("json"))
    assert document == {
        "text": "Hi. Ho.",
        "segments": [
            {"id": 0, "start": 0.0, "end": 0.5, "text": "Hi.", "words": [{"word": "Hi.", "start": 0.1, "end": 0.4}]},
            {"id": 1, "start": 1.0, "end": 2.0, "text": "Ho."},
        ],
        "language": "de",
    }


TALK = Transcript(
    (
        Segment(0, 0.0, 1.0, " Who is there?", speaker="SPEAKER_00"),
        Segment(1, 1.0, 2.0, " Nobody.", speaker="SPEAKER_01"),
        Segment(2, 2.0, 3.0, " Nobody at all.", speaker="SPEAKER_01"),
        Segment(3, 3.0, 4.0, " Hm.", speaker="SPEAKER_00"),
    ),
    "en",
)


@pytest.mark.parametrize(("form", "text"), [
    ("txt", "SPEAKER_00: Who is there?\nSPEAKER_01: Nobody.\nNobody at all.\nSPEAKER_00: Hm.\n"),
    (
        "vtt",
        "WEBVTT\n\n00:00.000 --> 00:01.000\n<v SPEAKER_00>Who is there?\n\n"
        "00:01.000 --> 00:02.000\n<v SPEAKER_01>Nobody.\n\n"
        "00:02.000 --> 00:03.000\n<v SPEAKER_01>Nobody at all.\n\n"
        "00:03.000 --> 00:04.000\n<v SPEAKER_00>Hm.\n\n",
    ),
    (
        "srt",
        "1\n00:00:00,000 --> 00:00:01,000\n[SPEAKER_00]: Who is there?\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\n[SPEAKER_01]: Nobody.\n\n"
        "3\n00:00:02,000 --> 00:00:03,000\n[SPEAKER_01]: Nobody at all.\n\n"
        "4\n00:00:03,000 --> 00:00:04,000\n[SPEAKER_00]: Hm.\n\n",
    ),
    (
        "tsv",
        "start\tend\ttext\tspeaker\n0\t1000\tWho is there?\tSPEAKER_00\n1000\t2000\tNobody.\tSPEAKER_01\n"
        "2000\t3000\tNobody at all.\tSPEAKER_01\n3000\t4000\tHm.\tSPEAKER_00\n",
    ),
])  # fmt: skip
def test_who_spoke(form: str, text: str) -> None:
    """The name stands in txt where the speaker changes, in each subtitle, and in a fourth column of tsv."""
    assert TALK.render(form) == text


def test_who_spoke_in_json() -> None:
    """Each segment names its speaker."""
    speakers = [segment["speaker"] for segment in json.loads(TALK.render("json"))["segments"]]
    assert speakers == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_01", "SPEAKER_00"]


@pytest.mark.parametrize(
    ("form", "text"), [("txt", ""), ("srt", ""), ("lrc", ""), ("vtt", "WEBVTT\n\n"), ("tsv", "start\tend\ttext\n")]
)
def test_silence(form: str, text: str) -> None:
    """Nothing said leaves only the format's own head."""
    assert Transcript(()).render(form) == text


def test_warnings_stand_in_json() -> None:
    """A program that reads JSON gets the reasons to doubt the text; without any the key is not there."""
    doubted = Transcript((), warnings=(ResultWarning(code="unlikely_text", message="It repeats itself."),))
    (warning,) = json.loads(doubted.render("json"))["warnings"]
    assert warning == {"code": "unlikely_text", "message": "It repeats itself."}
    assert "warnings" not in json.loads(TWO.render("json"))


def test_unlikely_text_has_a_mark_and_json_the_stretch() -> None:
    """A reader of text, subtitles or a table sees which lines to doubt, a program which seconds."""
    segments = (Segment(0, 0.0, 1.5, "Ever tried."), Segment(1, 1.5, 3.0, " The lunatics.", speaker="A", unlikely=True))
    doubted = Transcript(segments, "en", 3.0, unlikely=((1.5, 3.0),))
    assert doubted.render("txt") == "Ever tried.\nA: [unlikely] The lunatics.\n"
    assert json.loads(doubted.render("json"))["unlikely"] == [{"start": 1.5, "end": 3.0}]
    assert "unlikely" not in json.loads(TWO.render("json"))
    for form, marked in (
        ("srt", "[A]: [unlikely] The lunatics."), ("vtt", "<v A>[unlikely] The lunatics."), ("tsv", "\t[unlikely] The"),
    ):  # fmt: skip
        assert marked in (text := doubted.render(form))
        assert text.count("[unlikely] ") == 1


def test_each_subtitle_of_an_unlikely_text_has_the_mark() -> None:
    """It is read by itself; the mark takes its columns of the first line."""
    text = "We were the best of friends, and we went to the sea, " * 3
    cues = Transcript((Segment(0, 0.0, 20.0, text, unlikely=True),)).render("srt").split("\n\n")[:-1]
    assert len(cues) > 2
    for _, _, *lines in (cue.split("\n") for cue in cues):
        assert lines[0].startswith("[unlikely] ")
        assert max(map(len, lines)) <= 42


def test_the_document_has_a_row_for_each_format() -> None:
    """LISTEN.md's table has those there are, in their order."""
    table = (Path(__file__).parents[3] / "docs/LISTEN.md").read_text().partition("| format |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == list(TRANSCRIPT_FORMATS)


def test_an_unknown_format_is_refused() -> None:
    """It is a bad_request that names those there are."""
    with hushd_error("bad_request", ", ".join(TRANSCRIPT_FORMATS)):
        render("docx", TWO)


@pytest.mark.parametrize(("name", "form"), [("a.srt", "srt"), ("A.B.VTT", "vtt"), ("txt.json", "json")])
def test_the_ending_of_a_file_is_its_format(name: str, form: str, tmp_path: Path) -> None:
    """Whatever its case, and whatever stands before it."""
    assert transcript_format(str(tmp_path / name)) == form


@pytest.mark.parametrize("name", ["txt", "a.mp3", "a.", ".srt"])
def test_a_file_without_a_known_ending_is_refused(name: str, tmp_path: Path) -> None:
    """The sentence lists the endings that there are."""
    with hushd_error("bad_request", r"names no format: end it with one of .*\.srt"):
        transcript_format(str(tmp_path / name))


def test_a_file_in_a_folder_that_is_missing_is_refused_before_it_is_made(tmp_path: Path) -> None:
    """A long recording is not heard in vain."""
    with hushd_error("output_failed", "nowhere"):
        transcript_format(str(tmp_path / "nowhere/a.srt"))

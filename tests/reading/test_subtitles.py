"""Subtitles as they are heard: their words, and nothing else."""

from __future__ import annotations

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read
from hushd_reading.subtitles import read as cues_of
from hushd_reading.subtitles import spoken

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> there,
Anna, my old

2
00:00:03,000 --> 00:00:04,000
{\\an8}friend. [door slams]

3
00:00:05,000 --> 00:00:06,000
- How are you?
- Fine &amp; <font color="red">well</font>.

4
00:00:07,000 --> 00:00:08,000
I am 7
"""
VTT = """WEBVTT - title
Kind: captions

STYLE
::cue { color: red }

NOTE 1 is a
comment

intro
00:01.000 --> 00:02.000 align:start
<v Anna>Hello <00:01.500><c.yellow>there,</c>
Anna, my old

00:03.000 --> 00:04.000
friend. ♪

2
00:05.000 --> 00:06.000
- How are you?
- Fine &amp; well.

00:07.000 --> 00:08.000
I am 7
"""
ASS = (
    "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,0,0,0,,{\\an8}Hello\\Nthere.\n"
    "Comment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,not this\n"
    "Dialogue: 0,0:00:02.60,0:00:02.70,Default,,0,0,0,,{\\p1}m 0 0{\\p0}\n"
    "Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,Second cue.\n"
)
SAID = ["Hello there, Anna, my old friend.", "How are you?", "Fine and well.", "I am seven"]


def heard(text: str, size: int = 1000, markup: str = "text") -> list[str]:
    data = text.encode()
    items = read([data[at : at + size] for at in range(0, len(data), size)], markup)
    return [" ".join(item.text.split()) for item in items if isinstance(item, Piece) and item.text.strip()]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize("form", ["{}", "\ufeff{}", "\n{}"])
@pytest.mark.parametrize(
    "text", [SRT, VTT, SRT.replace("\n", "\r\n"), SRT.replace("1\n00", "00", 1), SRT.replace(",0", ".0")]
)
def test_only_the_words_of_subtitles_are_spoken(text: str, form: str, markup: str, size: int) -> None:
    """No numbers, times, notes or markup, however it arrives; a sentence goes on in the next cue."""
    assert heard(form.format(text), size, markup) == SAID


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("begins", ["", "[ar:Anna]\n[length: 1:02]\n"])
def test_only_the_words_of_lyrics_are_spoken(begins: str, size: int) -> None:
    """Nobody hears the times of LRC, as `listen -f lrc` writes it, nor its head; a text in brackets is a text."""
    lyrics = f"{begins}[00:01.20]Hello there.\n[00:03.00][01:09:50] Bye.\n[01:12.00]\n"
    assert heard(lyrics, size) == ["Hello there.", "Bye."]
    assert heard("[Anna] Hello.", size) == ["[Anna] Hello."]


@pytest.mark.parametrize("who", ["[SPEAKER_00]: ", "<v Anna>", "<v.loud Anna Bo>"])
def test_nobody_says_who_speaks(who: str) -> None:
    """A name before the words, as `listen --diarize` writes it, is not spoken."""
    assert heard(f"1\n00:00:01,000 --> 00:00:02,000\n{who}Hello there.\n") == ["Hello there."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n2\n3", "one two three"),
        ("12:30 --> 14:00 is it", "twelve thirty"),
        ("WEBVTTX", "WEBVTTX"),
        ("W", "W"),
        ("00:01 at", "at"),
        ("2 files begin with\nWEBVTT\n\nand a cue", "and a cue"),
        ("[As it says]\n1\n00:00:01,000 --> 00:00:02,000\nHello.", "one second"),
        ("We sing\n[00:01.00] like this.", "zero one"),
        ("What is a heading,\n[Events]\nDialogue: nothing", "Dialogue"),
    ],
)
def test_a_text_that_begins_like_subtitles_is_a_text(text: str, words: str) -> None:
    """Its numbers are spoken."""
    assert heard(text, 1) == heard(text)
    assert words in " ".join(heard(text))


@pytest.mark.parametrize("text", [ASS, "[00:01.00]One.\n[00:02.00]Two.\n[00:03.00]Three.\n", SRT, VTT])
def test_a_cue_is_passed_on_while_the_file_arrives(text: str) -> None:
    """A listener does not wait for the end: the words of the first cue come before the last one is there."""
    passed = [words for words, final in spoken((line, False) for line in text.splitlines(keepends=True)) if words]
    assert any(words.replace("\u200b", "").strip() for words in passed)


def test_words_of_subtitles_keep_their_place() -> None:
    """The timeline and a page that marks words find them in the file."""
    pieces = [item for item in read([SRT.encode()]) if isinstance(item, Piece)]
    start, end = pieces[-1].mapped.span()
    assert SRT[start:end].strip() == "I am 7"


FOREIGN = "1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,000\nSecond cue.\n"
AS_OTHERS_WRITE = {
    "no milliseconds": FOREIGN.replace(",000", "").replace(",500", ".5"),
    "one digit": FOREIGN.replace("00:00:0", "0:0:"),
    "a colon before milliseconds": FOREIGN.replace(",", ":"),
    "a blank behind the comma": FOREIGN.replace(",", ", "),
    "bare returns": FOREIGN.replace("\n", "\r"),
    "both signs": FOREIGN.replace("\n", "\r\n"),
    "no hours": FOREIGN.replace("00:00:", "00:"),
    "no numbers": FOREIGN.replace("1\n0", "0").replace("2\n0", "0"),
    "no blanks": FOREIGN.replace(" --> ", "-->"),
    "places on the screen": FOREIGN.replace("02,500", "02,500 X1:100 X2:200"),
    "an empty line within": FOREIGN.replace("Hello ", "Hello\n\n"),
    "ASS": ASS,
    "ASS of one part": ASS[ASS.index("[Events]") :],
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("text", AS_OTHERS_WRITE.values(), ids=[*AS_OTHERS_WRITE])
def test_subtitles_of_other_programs_are_read(text: str, size: int) -> None:
    """Both as a stream of words, and as cues with their times."""
    assert heard(text, size) == ["Hello there.", "Second cue."]
    file = cues_of(text, "a.srt")
    assert file
    assert [(cue.start, cue.end, cue.spoken) for cue in file.cues if cue.spoken] == [
        (1.0, 2.5, "Hello there."), (3.0, 4.0, "Second cue."),
    ]  # fmt: skip
    first, second = (cue for cue in file.cues if cue.spoken)
    assert text[slice(*second.body)] == "Second cue."
    assert (first.speaker, second.speaker) == ("Anna" if "ASS" in text or "Dialogue" in text else "", "")
    assert text[slice(*first.times[0])].startswith(("00", "0:"))


@pytest.mark.parametrize("before", ["-00:00:09,000", "00:00:-9,000", "0:0:-9", "00:-9,000"])
@pytest.mark.parametrize("form", ["{}", "WEBVTT\n\n{}"])
def test_no_words_are_lost_with_times_that_cannot_be_read(form: str, before: str) -> None:
    """A cue of a stream is spoken without its line of times, whatever that says; a time before the film's is one."""
    text = form.format(FOREIGN + f"\n3\n{before} --> 00:00:05,000\nThird.\n\n4\n00:6 --> 00:07\nLast.\n")
    assert heard(text) == ["Hello there.", "Second cue.", "Third.", "Last."]
    file = cues_of(text.partition("\n\n4")[0], "a.srt")
    assert file
    assert (file.cues[2].start, file.cues[2].end) == (-9.0, 5.0)


def test_a_file_that_begins_before_the_film_is_one_of_subtitles() -> None:
    """Its first cue's minus is before the time, or before the seconds, as programs that shift times write it."""
    for first in ("-00:00:03,000 --> -00:00:01,000", "00:00:-3,000 --> 00:00:-1,000"):
        text = f"1\n{first}\nEarly.\n\n2\n00:00:04,000 --> 00:00:05,000\nLater.\n"
        assert heard(text) == ["Early.", "Later."]
        assert [cue[:3] for cue in cues_of(text, "a.srt").cues] == [(-3.0, -1.0, "Early."), (4.0, 5.0, "Later.")]  # type: ignore[union-attr]


def test_a_cue_never_ends_before_it_begins() -> None:
    """One whose file says so ends at once."""
    file = cues_of(FOREIGN.replace("02,500", "00,250"), "a.srt")
    assert file
    assert (file.cues[0].start, file.cues[0].end) == (1.0, 1.0)


@pytest.mark.parametrize("words", ["WEBVTT\n\nis a form.", "[Events]\n\nare many."])
def test_the_form_is_told_by_the_beginning(words: str) -> None:
    """An SRT that speaks of another form is SRT, whose cues may have empty lines."""
    said = words.replace("\n\n", " ").replace("[Events] ", "")
    assert heard(FOREIGN.replace("Hello there.", words)) == [said, "Second cue."]
    assert cues_of(FOREIGN.replace("Hello there.", words), "a.vtt").form == "srt"  # type: ignore[union-attr]


ROLLING = """WEBVTT
Kind: captions

00:00:00.160 --> 00:00:02.389 align:start position:0%
{blank}
hello<00:00:00.400><c> everyone</c><00:00:00.800><c> and</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello everyone and
{blank}

00:00:02.399 --> 00:00:04.630 align:start position:0%
hello everyone and
welcome<00:00:02.800><c> back</c>

00:00:04.630 --> 00:00:04.640 align:start position:0%
welcome back
{blank}

00:00:04.640 --> 00:00:06.000 align:start position:0%
welcome back
welcome<00:00:05.000><c> back</c>
""".replace("{blank}", " ")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_captions_that_roll_are_said_once(end: str, size: int) -> None:
    """YouTube shows each line in three cues; a line that is said twice is said twice."""
    assert heard(ROLLING.replace("\n", end), size) == ["hello everyone and welcome back welcome back"]
    file = cues_of(ROLLING, "a.vtt")
    assert file
    assert [(cue.start, cue.spoken) for cue in file.cues if cue.spoken] == [
        (0.16, "hello everyone and"), (2.399, "welcome back"), (4.64, "welcome back"),
    ]  # fmt: skip


def test_lines_are_said_again_where_none_roll() -> None:
    """People repeat themselves, at once too: only a cue that nobody could read shows that captions roll."""
    text = "1\n00:01,000 --> 00:02,000\nNo.\n\n2\n00:02,000 --> 00:03,000\nNo.\nNever.\n"
    assert heard(text) == ["No.", "No.", "Never."]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("end", ["\n\n", "\n"])
def test_a_line_that_is_a_number_is_said(end: str, size: int) -> None:
    """The number of the next cue is none of a cue's words; a number above it, or at the end of the file, is."""
    text = (
        f"1\n00:01,000 --> 00:02,000\nHow many?\n7\n\n2\n00:03,000 --> 00:04,000\n3{end}3\n00:04,000 --> 00:05,000\n2\n"
    )
    assert heard(text, size) == ["How many?", "seven", "three", "two"]
    file = cues_of(text, "a.srt")
    assert file
    assert [cue.spoken for cue in file.cues] == ["How many? 7", "3", "2"]


def test_a_sign_that_is_no_markup_hides_no_words() -> None:
    """Nobody loses what stands between `<` and `>`."""
    text = "1\n00:01,000 --> 00:02,000\n<b>if</b> 1 < 2 and 4 > 3 <00:01.500>then\n"
    assert heard(text) == ["if one less than two and four greater than three then"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_nobody_hears_the_times_of_words_in_lyrics(size: int) -> None:
    """Enhanced LRC has a time before each word."""
    assert heard("[00:01.20]<00:01.20>Hello <00:01.50> there.\n[00:03]Bye.\n", size) == ["Hello there.", "Bye."]

"""Subtitles as they are heard: their words, and nothing else."""

from __future__ import annotations

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read

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
    ],
)
def test_a_text_that_begins_like_subtitles_is_a_text(text: str, words: str) -> None:
    """Its numbers are spoken."""
    assert heard(text, 1) == heard(text)
    assert words in " ".join(heard(text))


def test_words_of_subtitles_keep_their_place() -> None:
    """The timeline and a page that marks words find them in the file."""
    pieces = [item for item in read([SRT.encode()]) if isinstance(item, Piece)]
    start, end = pieces[-1].mapped.span()
    assert SRT[start:end].strip() == "I am 7"

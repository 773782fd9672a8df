"""Subtitles of a speech: its text, at the times of its timeline."""

from __future__ import annotations

import pytest
from hushd.synthesis.captions import transcript
from hushd.synthesis.speech import Speech
from hushd_protocol.messages import Partial, Result
from hushd_schema.results import Sentence, Spoken
from support.refusals import hushd_error

from .test_speech import Call


def sentence(text: str, *words: str, at: float = 0.0) -> Sentence:
    """A sentence whose words take half a second each."""
    places, spoken = 0, []
    for number, word in enumerate(words):
        places = text.index(word, places)
        start = at + number / 2
        spoken.append(Spoken(start=start, end=start + 0.5, text_start=places, text_end=places + len(word)))
        places += len(word)
    whole = Spoken(start=at, end=at + 9, text_start=spoken[0].text_start, text_end=len(text))
    return Sentence.like(whole, kind="sentence", words=tuple(spoken), estimated=False)


@pytest.mark.parametrize(("text", "words", "shown"), [
    ("It was — so to say — late.", ["It", "was", "so", "to", "say", "late."], "It was — so to say — late."),
    ("See **bold** [links](http://a.b/c).", ["See", "**bold**", "[links]("], "See bold [links"),
    ("<i>Hello</i> you", ["<i>Hello</i>", "you"], "Hello you"),
    ("$3.50 «paid»", ["$3.50", "«paid»"], "$3.50 «paid»"),
    ("Run main.py in C++ now", ["Run", "main", ".", "py", "in", "C", "++", "now"], "Run main.py in C++ now"),
    ("`read_file()`, node.js", ["read", "file", ",", "node", "js"], "read_file(), node.js"),
    ("a self-\nmade compu-\nter", ["a", "self-\nmade", "compu-\nter"], "a self-made computer"),
    ("ls -la (see **it**)", ["ls", "-", "la", "(see", "it", ")"], "ls -la (see it)"),
    ("one\n\n2\n00:01,000 --> 00:02,000\ntwo", ["one", "two"], "one two"),
])  # fmt: skip
def test_words_stand_as_in_the_text(text: str, words: list[str], shown: str) -> None:
    """They come from the first to the last, without markup, and with the signs that stand apart behind them."""
    made = transcript(text, [sentence(text, *words, at=2.0)], 9.0)
    assert made.text.startswith(shown)
    assert (made.segments[0].start, made.segments[0].end) == (2.0, 2.0 + len(words) / 2)


def test_a_word_of_several_has_the_time_of_all() -> None:
    """A name in code is spoken as several words, and shown as one, which no line's end divides."""
    (segment,) = transcript("Run main.py now.", [sentence("Run main.py now.", "Run", "main", ".", "py", "now.")], 9.0)
    assert [(word.word, word.start, word.end) for word in segment.words] == [
        (" Run", 0.0, 0.5), (" main.py", 0.5, 2.0), (" now.", 2.0, 2.5),
    ]  # fmt: skip


def test_a_speech_has_its_cues() -> None:
    """Known once all of it is here; without a timeline an error says how to have one."""
    words = [{"start": n / 2, "end": n / 2 + 0.5, "text_start": 3 * n, "text_end": 3 * n + 2} for n in range(3)]
    data = {"kind": "sentence", "start": 0.0, "end": 1.5, "text_start": 0, "text_end": 8, "words": words}
    call = Call()
    call._messages = [
        Partial(id=b"", seq=0, data=data),
        Result(id=b"", data={"duration": 1.5, "voice": "a", "rate": 1}),
    ]
    speech = Speech(call, text=lambda: b"Oh my no")  # type: ignore[arg-type]
    assert [(cue.start, cue.end, cue.text) for cue in speech.cues()] == [(0.0, 1.5, "Oh my no")]
    assert "00:00:00,000 --> 00:00:01,500\nOh my no" in speech.transcript().render("srt")
    with hushd_error("bad_request", "timeline=True"):
        Speech(Call()).cues()  # type: ignore[arg-type]

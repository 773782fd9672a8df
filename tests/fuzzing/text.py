"""Texts to speak and the parameters of requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_reading import subtitles as reading_of_subtitles
from hushd_reading.encoding import decoded
from hushd_reading.items import Piece
from hushd_reading.reader import read
from hushd_schema.engines import EngineSpec
from hushd_schema.operations.synthesize import MARKUPS
from hushd_worker_stt.engine import Model
from hushd_worker_stt.request import Request
from hushd_worker_tts import params as synthesis
from hushd_worker_tts.engine import Voice

from .claims import sentence
from .mutate import TEXTS, Feed, altered, damaged

_TRANSCRIBE: dict[str, Any] = {
    "format": "s16le", "rate": 16_000, "channels": 2, "language": "en", "task": "transcribe", "prompt": "a",
    "beam_size": 5, "temperature": 0.0, "word_times": True, "clips": [0, 1.5, 3], "silence_s": 0.8, "start_s": 0.0,
    "decoder": {"no_speech_threshold": 0.5}, "live": True, "echo": True, "continuous": True, "audio_track": 1,
}  # fmt: skip
_SYNTHESIZE: dict[str, Any] = {
    "voice": "anna", "language": "en-GB", "speed": 1.2, "format": "wav", "markup": "markdown", "sample_rate": 16_000,
    "channels": 2, "volume": 0.5, "pronounce": {"hushd": "hush dee"}, "timeline": True, "wpm": 180,
}  # fmt: skip
_SAMPLES = (
    "# Title\n\n* one *two* **three**\n  1. `code` [link](https://a.b/c)\n| a | b |\n|---|---|\n| 1 | 2 |\n\n`x`\n",
    "On 3/4/2026 at 10:30 pay $1,234.56 to Dr. Smith, 5 km, e.g. a_b.c() at /usr/bin, see https://x.io/a?b=c#d. Ok?",
    "$x^2$, $$\\frac{a_1}{\\sqrt[3]{b}}$$ \\(\\sum_{i=1}^n \\left(i\\right)\\) √2 x² $5",
    "[[slnc 500]] [[rate 180]] two [[volm 0.5]] [[emph +]] \x1b[31mred\x1b[0m \x1b]8;;http://a\x07b\x1b]8;;\x07 🎉",
)

_FILES = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n{\\an8}there\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\n[Anna]: - Ho ♪\n",
    "WEBVTT\n\nNOTE x\n\nid\n00:01.000 --> 00:02.000 align:start\n<v Anna>Hi <00:01.500>you &amp; me\n\n"
    "00:03.0 --> 01:00:04.000\n-x\n",
    "[Script Info]\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,D,Anna,0,0,0,,{\\i1}Hi\\Nyou\n"
    "Dialogue: 0,0:00:03.00,0:00:04.00,D,,0,0,0,,{\\p1}m\n",
)


@contextmanager
def params(folder: Path) -> Iterator[Feed]:
    """The parameters of `transcribe` and `synthesize`: what passes is what the engines may count on."""
    model = Model("tiny", ("en",), 100)
    engine = EngineSpec("x", "stt", "", "tiny", streaming=True, word_times=True)
    voices = [Voice(name, tag, "", "m", True, "", 180) for name, tag in (("anna", "en-GB"), ("bert", "de-DE"))]
    speaks = EngineSpec("x", "tts", "", "m", default_voice="anna")

    def feed(rng: Random) -> None:
        try:
            if rng.random() < 0.5:
                request = Request.parse(altered(rng, _TRANSCRIBE), engine, model)
                request.options()
                request.warnings(engine)
            else:
                found = synthesis.read(altered(rng, _SYNTHESIZE), speaks, voices)
                assert speaks.slowest <= found.speed <= speaks.fastest
        except HushdError as error:
            sentence(error.message)

    yield feed


@contextmanager
def markup(folder: Path) -> Iterator[Feed]:
    """Texts, Markdown and macOS's commands, as they arrive in pieces: each is read to its end."""
    alphabets = (
        "<>/&\"'= ab",
        "*_`#[]()|-\n ",
        "0123456789.,:/-$€% ",
        "\x1b[];mé🎉\u200d ",
        "[]slncrate 0.",
        "$\\^_{}()ab1 ",
    )

    def feed(rng: Random) -> None:
        text = rng.choice(_SAMPLES)
        kind = rng.random()
        if kind < 0.3:
            alphabet = rng.choice(alphabets)
            text = "".join(rng.choice(alphabet) for _ in range(rng.choice((5, 60, 600))))
        elif kind < 0.5:
            text = text.replace(rng.choice(text), rng.choice(TEXTS)[:20])
        elif kind < 0.6:
            start = rng.randrange(len(text))
            text = text[start : start + rng.choice((1, 3, 9))] * rng.choice((10, 400))
        data = text.encode(errors="replace")
        data = damaged(rng, data) if rng.random() < 0.5 else data
        size = rng.choice((1, 7, 100_000))
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        language = rng.choice(("en", "de", "fr", "ja", "xx"))
        pronounced = {"hushd": "hush dee", "a": "", "the": rng.choice(("/ðə/", "/\0/", "//"))}
        phonemes = rng.random() < 0.5
        try:
            for item in read(pieces, rng.choice(MARKUPS), language, pronounced, phonemes):
                assert not isinstance(item, Piece) or item.text is not None
        except HushdError as error:
            sentence(error.message)

    yield feed


@contextmanager
def subtitles(folder: Path) -> Iterator[Feed]:
    """Files of subtitles: cues lie in the file, one behind the other, and a text that arrives keeps its length."""

    def feed(rng: Random) -> None:
        text = rng.choice(_FILES).replace("\n", rng.choice(("\n", "\r\n", "\n\n")))
        data = damaged(rng, text.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16")), errors="replace"))
        try:
            text = decoded(data, "It")
            pieces = [(text[at : at + 7], at + 7 >= len(text)) for at in range(0, max(1, len(text)), 7)]
            assert len("".join(piece for piece, _ in reading_of_subtitles.spoken(pieces))) == len(text)
            file = reading_of_subtitles.read(text, "It.srt")
        except HushdError as error:
            sentence(error.message)
            return
        places = [place for cue in file.cues for place in (*cue.times, cue.body)] if file else []
        flat = [at for place in places for at in place]
        assert flat == sorted(flat)
        assert all(0 <= at <= len(text) for at in flat)
        assert all(cue.start <= cue.end for cue in file.cues) if file else True

    yield feed

"""Recordings in which the language changes, and speech that a model leaves out, by a model that is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hushd_schema.engines import EngineSpec
from hushd_worker_stt import transcription
from hushd_worker_stt.by_language import left_out, part
from hushd_worker_stt.engine import DetectedLanguage, LevelRange, Model, Options, PieceLength, Segment
from hushd_worker_stt.recogniser import Recogniser
from hushd_worker_stt.request import Request
from hushd_worker_stt.segmentation.pieces import Piece
from hushd_worker_stt.segmentation.vad import FRAME
from hushd_worker_stt.transcription import Transcription
from support.stt_jobs import Asked, EngineAtOnce, Loud, make_job

RATE = 16_000
LOUDNESS = {0.3: "en", 0.5: "de", 0.4: "?"}  # how loud each language is; the third is one that the model takes for both


class Bilingual(EngineAtOnce):
    """A model that writes a sentence for each stretch of the language it reads, and leaves others out, as Whisper does.

    Of a single stretch it writes in what language it was read.
    """

    SPEC = EngineSpec("bilingual", "stt", "")
    LEVEL = LevelRange(0.0, 1.0)
    PIECE = PieceLength(15.0, 29.5)
    HABITS = frozenset({"thank you"})
    silent = False
    rest: tuple[str, float] | None = None  # what it writes of a single stretch, and its log probability

    def __init__(self) -> None:
        self.read: list[float] = []

    def transcribe(self, samples: np.ndarray, options: Options) -> list[Segment]:
        self.read.append(len(samples) / RATE)
        if self.silent:
            return []
        runs, likely = _runs(samples), self._likely(samples)
        share = likely.get(options.language or "", 0.0)
        if len(runs) == 1:
            (_, start, end), (text, logprob) = runs[0], self.rest or (f"{runs[0][0]} in {options.language}", -0.2)
            return [Segment(start, end, text, log_probability=logprob, language_probability=share)]
        return [
            Segment(start, end, tag, log_probability=-0.2, language_probability=share)
            for tag, start, end in runs
            if tag == options.language
        ]

    def detect_language(self, samples: np.ndarray) -> DetectedLanguage | None:
        return DetectedLanguage.likeliest(self._likely(samples))

    def _likely(self, samples: np.ndarray) -> dict[str, float]:
        spoken = {
            tag: sum(end - start for each, start, end in _runs(samples) if each in (tag, "?")) for tag in ("en", "de")
        }
        return {tag: seconds / (sum(spoken.values()) or 1.0) for tag, seconds in spoken.items()}


def _runs(samples: np.ndarray) -> list[tuple[str, float, float]]:
    """The stretches of one loudness each, with their seconds."""
    found, at = [], 0
    for loud, run in groupby(np.round(samples.astype(float), 1).tolist()):
        length = len(list(run))
        if loud >= 0.1:
            found.append((LOUDNESS[loud], at / RATE, (at + length) / RATE))
        at += length
    return found


def sound(*parts: tuple[float, float]) -> Iterator[np.ndarray]:
    """Stretches of seconds and loudness, each behind a pause of 0.8 s."""
    for seconds, loud in parts:
        for each, count in ((0.0, 25), (loud, round(seconds * RATE / FRAME))):
            yield np.full(count * FRAME, each, np.float32)


def heard(engine: Bilingual, *parts: tuple[float, float], **params: Any) -> Asked:
    job, asked = make_job(None)
    recogniser = Recogniser(engine, Model("default", ("en", "de"), 10))
    blocks = sound(*parts)
    asked.result = Transcription(job, Request(**params), recogniser, lambda: None).run(blocks, lambda: 0.0).data()  # type: ignore[arg-type, return-value]
    asked.result["warnings"] = job.warnings
    return asked


def lines(asked: Asked) -> list[tuple[str, str]]:
    return [(segment["language"], segment["text"]) for segment in asked.segments]


@pytest.fixture(autouse=True)
def _loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "Detector", Loud)


def test_each_stretch_of_an_undecided_piece_is_read_in_its_language() -> None:
    """English, German and English in a half minute: nothing is left out, each segment names its language, in order."""
    asked = heard(Bilingual(), (5, 0.3), (9, 0.5), (5, 0.3))
    assert lines(asked) == [("en", "en in en"), ("de", "de in de"), ("en", "en in en")]
    assert [segment["language_probability"] for segment in asked.segments][1] == 1.0
    starts = [segment["start"] for segment in asked.segments]
    assert starts == pytest.approx([0.8, 6.6, 16.4], abs=0.05)
    assert asked.result["language"] == "en"


@pytest.mark.parametrize("named", [False, True])
def test_a_language_that_was_named_is_believed(named: bool) -> None:
    """Another one that a model of several hears marks its text, unless the request says which is spoken."""
    engine = Bilingual()
    engine.rest = ("One two three four five six.", -0.2)
    asked = heard(engine, (4, 0.5), language="en", named=named)
    assert [bool(segment.get("unlikely")) for segment in asked.segments] == [not named]


def test_own_words_are_those_of_the_language_of_each_stretch() -> None:
    """A name is sought by the sounds of the language in which the stretch is."""

    class Own:
        def __init__(self) -> None:
            self.languages: list[str] = []

        def mended(self, segment: Segment, language: str, score: object) -> Segment:
            self.languages.append(language)
            return segment

    own = Own()
    heard(Bilingual(), (5, 0.3), (9, 0.5), (5, 0.3), own=own)
    assert own.languages == ["en", "de", "en"]


def test_a_short_stretch_is_read_with_the_one_before() -> None:
    """Less than two seconds tell no language: they have that of the stretch before."""
    asked = heard(Bilingual(), (6, 0.3), (8, 0.5), (1.5, 0.5), (6, 0.3))
    assert lines(asked) == [("en", "en in en"), ("de", "de"), ("de", "de"), ("en", "en in en")]


def test_a_sure_piece_is_read_once() -> None:
    """A piece of one language whose text has all of its stretches is not read again."""
    engine = Bilingual()
    assert lines(heard(engine, (8, 0.3), (8, 0.3), (8, 0.3))) == [("en", "en")] * 3
    assert len(engine.read) == 1


def test_a_later_piece_has_its_own_language() -> None:
    """Behind a pause that ends a piece somebody else speaks: the language of the beginning is no longer believed."""
    asked = heard(Bilingual(), (8, 0.3), (3, 0.0), (8, 0.5), (3, 0.0), (8, 0.3))
    assert lines(asked) == [("en", "en in en"), ("de", "de in de"), ("en", "en in en")]


@pytest.mark.parametrize(("named", "expected"), [(None, ("de", "de in de")), ("en", ("en", "de in en"))])
def test_what_a_text_leaves_out_is_read_alone(named: str | None, expected: tuple[str, str]) -> None:
    """A sentence without a text in a sure piece is read by itself, in the named language or in its own."""
    asked = heard(Bilingual(), (8, 0.3), (4, 0.5), (10, 0.3), language=named)
    assert lines(asked) == [("en", "en"), expected, ("en", "en")]


def test_a_short_stretch_is_not_read_again() -> None:
    """The times of a text are wrong by two seconds at times: words would come twice."""
    engine = Bilingual()
    assert lines(heard(engine, (8, 0.3), (2.6, 0.5), (10, 0.3))) == [("en", "en")] * 2
    assert len(engine.read) == 1


PIECE = Piece(10.0, np.zeros(14 * RATE, np.float32), ((11.0, 15.0), (15.5, 20.0), (23.0, 23.5)), 0.9)


@pytest.mark.parametrize(("covered_to", "certainty", "found"), [
    pytest.param(15.4, 0.9, 1, id="nothing of the second"),
    pytest.param(15.8, 0.9, 1, id="a time that is a little late"),
    pytest.param(16.5, 0.9, 0, id="its beginning"),
    pytest.param(15.4, 0.6, 0, id="not surely speech"),
])  # fmt: skip
def test_a_stretch_of_speech_without_a_text_is_left_out(covered_to: float, certainty: float, found: int) -> None:
    """It is one by its own pauses, of which the text has next to nothing, and which is speech."""
    piece = Piece(PIECE.start, PIECE.samples, PIECE.speech, certainty)
    assert [rest.speech for rest in left_out(piece, [Segment(11.0, covered_to, "text")])] == [((15.5, 20.0),)] * found


def test_a_part_has_the_quiet_beside_it() -> None:
    """0.4 s of it, or half of a shorter pause, so that no sound is in two parts."""
    bounds = [(round(each.start, 2), round(each.end, 2)) for each in (part(PIECE, n, n) for n in range(3))]
    assert bounds == [(10.6, 15.25), (15.25, 20.4), (22.6, 23.9)]


@pytest.mark.parametrize("rest", [("Thank you.", -0.2), ("Somebody says something else in there.", -1.2)])
def test_an_invented_rest_is_not_taken(rest: tuple[str, float]) -> None:
    """Words that the model writes for anything, and a text that it calls a failure, do not fill a gap."""
    engine = Bilingual()
    engine.rest = rest
    assert lines(heard(engine, (8, 0.3), (4, 0.5), (10, 0.3))) == [("en", "en")] * 2


def test_a_stretch_that_nobody_knows_is_read_as_the_recording() -> None:
    """A stretch that may be in either has the language of the recording."""
    asked = heard(Bilingual(), (8, 0.3), (3, 0.0), (8, 0.4), (0.5, 0.4))
    assert {language for language, _ in lines(asked)} == {"en"}


@pytest.mark.parametrize(("seconds", "told"), [(19.0, False), (21.0, True)])
def test_a_minute_of_speech_without_text_is_said(seconds: float, told: bool) -> None:
    """The result says how much there was, and where it begins; nothing below a minute."""
    engine = Bilingual()
    engine.silent = True
    asked = heard(engine, (seconds, 0.3), (3, 0.0), (seconds, 0.3), (3, 0.0), (seconds, 0.3))
    warnings = [each["message"] for each in asked.result["warnings"] if each["code"] == "no_text"]
    assert [message[:59] for message in warnings] == [
        "63 s of what sounds like speech, the first at 0 s, have no "
    ] * told

"""The way from a piece's samples to its segments: level, times, pauses, and a second try at a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hushd_schema.engines import EngineSpec
from hushd_worker_stt.engine import LevelRange, Model, Options, PieceLength, Segment, Word
from hushd_worker_stt.recogniser import Recogniser
from hushd_worker_stt.segmentation.pieces import Piece
from hushd_worker_stt.wording import HURRIED, LOOPED
from support.stt_jobs import EngineAtOnce, make_job

RATE = 16_000
LOOP = "So it is " + "of the two " * 13
HURRY = " ".join(map(str, range(700)))  # in two seconds


class Scripted(EngineAtOnce):
    """A model that answers what stands in its script, in its order, and keeps what it was given."""

    SPEC = EngineSpec("scripted", "stt", "")
    LEVEL = LevelRange(0.0, 1.0)
    PIECE = PieceLength(15.0, 29.5)

    def __init__(self, *script: list[Segment]) -> None:
        self.script = list(script)
        self.given: list[np.ndarray] = []
        self.options: list[Options] = []

    def transcribe(self, samples: np.ndarray, options: Options) -> list[Segment]:
        self.given.append(samples)
        self.options.append(options)
        return self.script.pop(0)


def heard(engine: Scripted, piece: Piece, **how: Any) -> tuple[list[Segment], list[tuple[str, str]]]:
    """Returns the segments of a piece, and the warnings."""
    job, _ = make_job(None)
    warned: list[tuple[str, str]] = []
    job.warn = lambda code, message: warned.append((code, message))  # type: ignore[method-assign, assignment]
    recogniser = Recogniser(engine, Model("default", ("en", "de"), 10))
    return recogniser.transcribe(job, piece, Options(named=True), **how), warned


def spoken(*seconds: tuple[float, float], length: float = 6.0, start: float = 10.0) -> Piece:
    """A piece that is loud at these seconds of the recording."""
    samples = np.zeros(round(length * RATE), np.float32)
    for first, last in seconds:
        samples[round((first - start) * RATE) : round((last - start) * RATE)] = 0.3
    return Piece(start, samples, seconds)


def word(text: str, start: float, end: float) -> Word:
    return Word(f" {text}", start, end)


def test_times_are_those_of_the_recording() -> None:
    """A piece's own begin at 0; where the speech ends is told to the engine by its own clock."""
    engine = Scripted([Segment(1.0, 2.0, "One."), Segment(2.0, 5.0, "Two.")])
    found, _ = heard(engine, spoken((11.0, 15.0)))
    assert [(each.start, each.end, each.text) for each in found] == [(11.0, 12.0, "One."), (12.0, 15.0, "Two.")]
    assert engine.options[0].speech_end_s == pytest.approx(5.0)


def test_no_word_lasts_through_a_pause() -> None:
    """Of the detector or of the samples; words beside it keep their times, and a segment without words is left."""
    words = (word("one", 0.5, 1.0), word("two", 1.0, 4.5), word("three", 4.5, 5.0))
    engine = Scripted([Segment(0.5, 1.0, "zero"), Segment(0.5, 5.0, "one two three", words)])
    found, _ = heard(engine, spoken((10.5, 11.0), (14.0, 15.0)))
    assert found[0].words == ()
    times = [(each.start, each.end) for each in found[1].words]
    assert times[0] == (10.5, 11.0)
    assert times[1] == (pytest.approx(14.0, abs=0.1), 14.5)
    assert times[2] == (14.5, 15.0)


def test_no_word_lasts_through_a_silence_that_the_detector_took_for_speech() -> None:
    """It is found in the samples, wherever the piece stands in the recording."""
    words = (word("one", 0.5, 1.0), word("two", 1.0, 4.5))
    samples = spoken((10.5, 11.0), (14.0, 15.0)).samples
    found, _ = heard(Scripted([Segment(0.5, 4.5, "one two", words)]), Piece(10.0, samples, ((10.5, 15.0),)))
    assert (found[0].words[1].start, found[0].words[1].end) == (pytest.approx(14.0, abs=0.1), 14.5)
    last = (word("one.", 0.5, 4.2), word("Two", 4.2, 4.5))
    found, _ = heard(Scripted([Segment(0.5, 4.5, "one. Two", last)]), Piece(10.0, samples, ((10.5, 15.0),)))
    first = next(each for segment in found for each in segment.words)
    assert (first.start, first.end) == (10.5, pytest.approx(11.0, abs=0.1))


def test_the_segments_of_a_second_try_stand_where_they_would_have_in_the_first() -> None:
    """The silence before it is not of the recording."""
    engine = Scripted([Segment(0.0, 2.0, LOOP)], [Segment(0.35, 1.35, "One."), Segment(1.35, 2.35, "Two.")])
    found, _ = heard(engine, spoken((10.0, 12.0), length=2.0))
    assert [(each.start, each.end) for each in found] == [
        (pytest.approx(10.0), pytest.approx(11.0)), (pytest.approx(11.0), pytest.approx(12.0)),
    ]  # fmt: skip


def test_one_text_is_divided_at_the_pauses_of_its_speech() -> None:
    """Of an engine that has one for each piece; two that it has divided itself stay."""
    engine = Scripted([Segment(0.0, 6.0, "It begins here. It ends there.")])
    found, _ = heard(engine, spoken((10.0, 12.0), (14.0, 16.0)))
    assert [each.text for each in found] == ["It begins here.", "It ends there."]


@pytest.mark.parametrize(("again", "text", "warning"), [
    ("All is said once.", "All is said once.", None),
    (LOOP, "So it is of the two", LOOPED),
    (HURRY, HURRY, HURRIED),
])  # fmt: skip
@pytest.mark.parametrize("first", [LOOP, HURRY])
def test_a_loop_is_tried_again_behind_a_silence(first: str, again: str, text: str, warning: str | None) -> None:
    """Its times are those without that silence; a text that is wrong again is told of, and a loop is cut."""
    engine = Scripted([Segment(0.0, 2.0, first)], [Segment(0.35, 2.35, again)])
    found, warned = heard(engine, spoken((10.0, 12.0), length=2.0))
    assert [each.text.strip() for each in found] == [text]
    assert (found[0].start, found[0].end) == (pytest.approx(10.0), pytest.approx(12.0))
    assert warned == ([("unlikely_text", warning)] if warning else [])
    before, after = engine.given
    assert len(after) - len(before) == round(0.35 * RATE)
    assert not after[: round(0.35 * RATE)].any()
    assert (engine.options[0].speech_end_s is None, engine.options[1].speech_end_s) == (False, None)


def test_a_text_that_does_not_loop_is_read_once() -> None:
    """The engine's time is the user's."""
    engine = Scripted([Segment(0.0, 2.0, "All is said once.")])
    found, warned = heard(engine, spoken((10.0, 12.0), length=2.0))
    assert [each.text for each in found] == ["All is said once."]
    assert warned == []
    assert len(engine.given) == 1


def test_live_speech_has_the_quiet_around_it_cut_off() -> None:
    """Its times are those of the recording all the same."""
    engine = Scripted([Segment(0.0, 1.0, "Now.")])
    found, _ = heard(engine, spoken((13.0, 14.0), length=6.0), pad_s=0.5, live=True)
    assert len(engine.given[0]) < 3 * RATE
    assert 12.4 <= found[0].start <= 13.1

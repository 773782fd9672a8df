"""The full stop that a model writes where a piece was cut in the middle of speech."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hushd_protocol.messages import Partial
from hushd_schema.engines import EngineSpec
from hushd_worker.job import Cancelled
from hushd_worker_stt import transcription
from hushd_worker_stt.engine import LevelRange, Model, Options, PieceLength, Segment, Word
from hushd_worker_stt.plausibility import Plausibility
from hushd_worker_stt.recogniser import Recogniser
from hushd_worker_stt.request import Request
from hushd_worker_stt.segmentation.pieces import pieces
from hushd_worker_stt.transcription import Transcription
from hushd_worker_stt.wording import going_on
from support.stt_jobs import Asked, EngineAtOnce, Loud, make_job

RATE = 16_000
FIRST, LAST = "It begins.", "was still open"
WHOLE = (5, 0, 40)  # seconds of speech, each behind a pause that ends a piece; the last of two pieces


class Scripted(EngineAtOnce):
    """A model that says for each piece what stands in its script, a segment a text; None: it breaks down."""

    SPEC = EngineSpec("scripted", "stt", "")
    LEVEL = LevelRange(0.0, 1.0)
    PIECE = PieceLength(15.0, 29.5)
    tag = ""  # the language of its segments, where it is not the recording's

    def __init__(self, *script: tuple[str, ...] | None) -> None:
        self.script = list(script)
        self.sent_before: list[int] = []
        self.asked = Asked()

    def transcribe(self, samples: np.ndarray, options: Options) -> list[Segment]:
        self.sent_before.append(len(self.asked.segments))
        if (texts := self.script.pop(0)) is None:
            raise RuntimeError("the model broke down")
        share = len(samples) / RATE / max(1, len(texts))
        return [
            Segment(number * share, (number + 1) * share, text, language=self.tag) for number, text in enumerate(texts)
        ]


def sound(*seconds: float, pause: float = 3.0) -> Iterator[np.ndarray]:
    for each in seconds:
        yield np.zeros(int(pause * RATE), np.float32)
        yield np.full(int(each * RATE), 0.3, np.float32)


def start(
    engine: Scripted, seconds: tuple[float, ...] = WHOLE, pause: float = 3.0, languages: str = "en de", **params: Any
) -> Asked:
    job, engine.asked = make_job(None)
    recogniser = Recogniser(engine, Model("default", tuple(languages.split()), 10))
    request = Request(**{"language": "en", "format": "file", **params})
    run = Transcription(job, request, recogniser, lambda: None).run  # type: ignore[arg-type, return-value]
    engine.asked.result = run(sound(*seconds, pause=pause), lambda: 0.0).data()
    return engine.asked


def texts(asked: Asked) -> list[str]:
    return [segment["text"] for segment in asked.segments]


@pytest.fixture(autouse=True)
def _loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcription, "Detector", Loud)


def test_a_sentence_that_a_cut_tears_goes_on() -> None:
    """The stop leaves before a small letter, from the last segment alone, and all segments come once, in order."""
    asked = start(Scripted((FIRST,), ("He said.", "when the budget."), (LAST, "then. the end.")))
    assert texts(asked) == [FIRST, "He said.", "when the budget", LAST, "then. the end."]
    assert [segment["id"] for segment in asked.segments] == list(range(5)) == [*range(asked.result["segments"])]
    assert asked.segments[2]["rest"] == pytest.approx(asked.segments[2]["end"], abs=0.5)


def test_a_sentence_that_a_pause_ends_keeps_its_stop() -> None:
    """Speech up to a pause was not cut, whatever follows."""
    engine = Scripted((FIRST,), ("the budget.",), (LAST,))
    assert texts(start(engine, (5, 20, 20))) == [FIRST, "the budget.", LAST]
    engine = Scripted((FIRST, "the budget."), (LAST,))
    assert texts(start(engine, (20, 20), pause=0.8)) == [FIRST, "the budget.", LAST]


def test_the_first_text_does_not_wait() -> None:
    """It is there before the next piece is read, while a later one waits for it."""
    engine = Scripted(("the budget.",), (LAST,))
    assert texts(start(engine, (40,))) == ["the budget.", LAST]
    assert engine.sent_before == [0, 1]
    assert texts(start(Scripted(("One.", "the budget."), (LAST,)), (40,))) == ["One.", "the budget", LAST]


def test_a_first_text_whose_verdict_follows_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of one language has all of it judged after it is sent."""
    for verdict in ("unlikely", "doubtful"):
        monkeypatch.setattr(Plausibility, verdict, lambda *_: False)
    monkeypatch.setattr(Scripted, "SPEC", EngineSpec("scripted", "stt", "", streaming=True))
    asked = start(Scripted((FIRST, "the budget."), (LAST,)), (40,), languages="en", language=None)
    assert texts(asked) == [FIRST, "the budget.", LAST]
    kinds = [message.data["kind"] for message in asked.messages if isinstance(message, Partial)]
    assert kinds == ["segment", "segment", "judged", "segment"]


@pytest.mark.parametrize("as_spoken", [False, True])
def test_raw_sound_does_not_wait(as_spoken: bool) -> None:
    """Speech that may be live is sent at once, with its stop."""
    asked = start(Scripted((FIRST,), ("the budget.",), (LAST,)), format="s16le", as_spoken=as_spoken)
    assert texts(asked) == [FIRST, "the budget.", LAST]


def test_a_recording_that_ends_there_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last text is sent although no piece follows."""
    monkeypatch.setattr(transcription, "pieces", lambda *args: (replace(piece, torn=True) for piece in pieces(*args)))
    asked = start(Scripted((FIRST,), ("the budget.",)), (5, 5))
    assert texts(asked) == [FIRST, "the budget."]
    assert asked.result["segments"] == 2


@pytest.mark.parametrize(("spoken", "tag", "stops"), [("en", "", True), ("de", "", False), ("en", "de", False)])
def test_the_language_of_a_segment_tells_its_abbreviations(spoken: str, tag: str, stops: bool) -> None:
    """That of the recording, unless the segment is in another one."""
    engine = Scripted((FIRST,), ("and Mr.",), (LAST,))
    engine.tag = tag
    assert texts(start(engine, language=spoken))[1] == ("and Mr." if stops else "and Mr")


def test_no_text_is_lost_when_the_next_piece_fails() -> None:
    """An error, a piece without a text and a sentence that begins leave the waiting text as it is."""
    engine = Scripted((FIRST,), ("the budget.",), None)
    with pytest.raises(Exception, match="broke down"):
        start(engine)
    assert texts(engine.asked) == [FIRST, "the budget."]
    assert texts(start(Scripted((FIRST,), ("the budget.",), ()))) == [FIRST, "the budget."]
    assert texts(start(Scripted((FIRST,), ("the budget.",), ("Was it?",)))) == [FIRST, "the budget.", "Was it?"]


def test_a_cancelled_job_ends_as_cancelled() -> None:
    """The text that waits is sent to nobody, and hides no error."""
    engine = Scripted((FIRST,), ("the budget.",), (LAST,))
    job, engine.asked = make_job(None)

    def blocks() -> Iterator[np.ndarray]:
        yield from sound(*WHOLE)
        job.cancel()
        yield from sound(1)

    recogniser = Recogniser(engine, Model("default", ("en", "de"), 10))
    request = Request(language="en", format="file")  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        Transcription(job, request, recogniser, lambda: None).run(blocks(), lambda: 0.0)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("text", [
    "the budget…", "the budget..", "the budget?", "the budget!", "the budget", 'the "budget."', "papers, books, etc.",
    "it came from the U.S.", "at 5 p.m.", "he and Dr.", ".", "",
])  # fmt: skip
def test_another_ending_stays(text: str) -> None:
    """Other signs stay, and the full stop of an abbreviation."""
    segment = Segment(0.0, 1.0, text)
    assert going_on(segment, LAST, "en") == segment


@pytest.mark.parametrize("after", ["Was it", "", "5 of them", "…was", "今天"])
def test_a_stop_before_no_small_letter_stays(after: str) -> None:
    """A capital, a figure, a sign or nothing does not say that the sentence goes on."""
    segment = Segment(0.0, 1.0, "the budget.")
    assert going_on(segment, after, "en") == segment


def test_words_and_their_text_agree() -> None:
    """The last word loses its stop with the text and keeps its time; where they differ, both stay."""
    words = (Word(" the", 0.0, 0.4, 0.9), Word(" budget.", 0.4, 1.0, 0.8))
    segment = Segment(0.0, 1.0, "the budget.", words)
    assert going_on(segment, f" {LAST}", "") == Segment(
        0.0, 1.0, "the budget", (words[0], Word(" budget", 0.4, 1.0, 0.8))
    )
    for apart in ((Word(" budget", 0.4, 1.0),), (Word(" budget", 0.4, 0.9), Word(".", 0.9, 1.0))):
        alone = Segment(0.0, 1.0, "the budget.", apart)
        assert going_on(alone, LAST, "en") == alone


def test_an_abbreviation_is_that_of_its_language() -> None:
    """ "Mr." is one in English, and a word in German."""
    segment = Segment(0.0, 1.0, "she and Mr.")
    assert going_on(segment, "and", "de").text == "she and Mr"
    assert going_on(segment, "and", "en") == segment

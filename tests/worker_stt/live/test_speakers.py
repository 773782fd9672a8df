"""Speakers, live, with the real models: labels while people talk, and utterances cut where somebody else goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hushd_protocol.messages import Partial
from hushd_worker_stt.engine import RATE, EngineStream, Hypothesis, PieceLength, Segment
from hushd_worker_stt.live.drafted import DraftedUtterance, Transcriber
from hushd_worker_stt.live.streamed import StreamedUtterance, Streaming
from hushd_worker_stt.segmentation.pieces import Piece
from support.conversations import NAGG, NELL, read
from support.stt_jobs import Ask, chunked, s16le

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def dialogue(assets: Path) -> np.ndarray:
    """Nagg and Nell, in turns of 2.6 to 4.2 s: he, she, he, she; of the pauses between, one ends an utterance."""
    whole = read(assets / "endgame_nagg_nell.wav")
    parts = []
    for (start, end), pause in zip((NAGG[2], NELL[1], NAGG[3], NELL[2]), (0.2, 1.5, 0.2, 1.5), strict=True):
        parts += [whole[round(start * RATE) : round(end * RATE)], np.zeros(round(pause * RATE), np.float32)]
    return np.concatenate(parts) + np.random.default_rng(3).normal(0, 1e-3, sum(map(len, parts))).astype(np.float32)


def test_two_people(ask: Ask, dialogue: np.ndarray) -> None:
    """Each turn has its own segments with its speaker's name, which is said meanwhile; the result counts speakers."""
    asked = ask(chunked(s16le(dialogue), 3200), {"live": True, "continuous": True, "diarize": True})
    assert asked.error is None
    names = {segment["id"]: segment["speaker"] for segment in asked.segments}
    news = [message.data for message in asked.messages if isinstance(message, Partial)]
    for event in news:
        if event["kind"] == "revised":
            names |= dict.fromkeys(event["segments"], event["speaker"])
    middles = {segment["id"]: (segment["start"] + segment["end"]) / 2 for segment in asked.segments}
    edges = (0.0, 3.9, 8.5, 11.4, 15.0)  # of the turns and the pauses after them
    spoken = [[name for number, name in names.items() if a < middles[number] < b] for a, b in pairwise(edges)]
    assert all(spoken)
    assert {frozenset(turn) for turn in spoken[::2]} == {frozenset(["SPEAKER_00"])}
    assert {frozenset(turn) for turn in spoken[1::2]} == {frozenset(["SPEAKER_01"])}
    assert asked.result["speakers"] == 2
    kinds = [event["kind"] for event in news]
    assert kinds.index("began") < kinds.index("speaker") < kinds.index("segment")


class Tape(EngineStream):
    """A stream whose text is how long it heard, in tenths of a second."""

    language = None

    def __init__(self) -> None:
        self._count = 0
        self.cancelled = False

    def feed(self, samples: np.ndarray) -> Hypothesis:
        self._count += len(samples)
        return Hypothesis(f"{self._count * 10 // RATE}", "")

    def finish(self) -> list[Segment]:
        return [Segment(0.0, self._count / RATE, f"{self._count * 10 // RATE}")]

    def cancel(self) -> None:
        self.cancelled = True


def _loud(seconds: float) -> list[np.ndarray]:
    return [np.full(RATE // 10, 0.5, np.float32)] * round(10 * seconds)


@pytest.mark.parametrize("feed_s", [0.5, 30.0])
def test_a_cut_of_what_a_stream_has_heard(feed_s: float) -> None:
    """Sound that was fed already is heard again by a stream of its own, and the rest by the next: none of it is lost or
    twice, whether the stream was fed yet or not."""
    tapes: list[Tape] = []

    def begin(audio: np.ndarray) -> Tape:
        tapes.append(Tape())
        return tapes[-1]

    utterance = StreamedUtterance(Streaming(begin, feed_s, PieceLength(10, 30), 0.2, cuts=True), 5.0)
    list(utterance.speak(_loud(4.0)))
    texts = [(event.start, event.end, event.text) for event in utterance.cut(7.5)]
    list(utterance.speak(_loud(1.0)))
    texts += [(event.start, event.end, event.text) for event in utterance.finish()]
    assert texts == [(5.0, 7.5, "25"), (7.5, 10.0, "25")]
    assert utterance.seconds == pytest.approx(5.0)
    assert sum(tape.cancelled for tape in tapes) == (feed_s == 0.5)


@pytest.mark.parametrize("at", [3.0, 5.0, 9.0, 20.0])
def test_a_cut_beside_what_is_open(at: float) -> None:
    """A place before the open speech, or after it, cuts nothing."""
    streamed = StreamedUtterance(Streaming(lambda audio: Tape(), 0.5, PieceLength(10, 30), 0.2, cuts=True), 5.0)
    drafted = DraftedUtterance(Transcriber(_seconds, PieceLength(10, 30)), 5.0)
    for utterance, whole in ((streamed, "40"), (drafted, "5.0 to 9.0")):
        list(utterance.speak(_loud(4.0)))
        assert list(utterance.cut(at)) == []
        assert [event.text for event in utterance.finish() if isinstance(event, Segment)] == [whole]


def test_a_cut_of_drafts() -> None:
    """Up to the cut the speech gets its final text at once; the rest goes on as it was, and has its own."""
    utterance = DraftedUtterance(Transcriber(_seconds, PieceLength(10, 30)), 5.0)
    list(utterance.speak(_loud(4.0)))
    list(utterance.pause(np.zeros(RATE // 10, np.float32)))  # which makes the final text of all of it
    first = [event.text for event in utterance.cut(7.5) if isinstance(event, Segment)]
    list(utterance.speak(_loud(1.0)))
    assert [*first, *(event.text for event in utterance.finish())] == ["5.0 to 7.5", "7.5 to 10.1"]
    assert utterance.said


def _seconds(piece: Piece, draft: bool) -> list[Segment]:
    """Text that says which seconds were heard."""
    end = piece.start + len(piece.samples) / RATE
    return [Segment(piece.start, end, f"{piece.start:.1f} to {end:.1f}")]

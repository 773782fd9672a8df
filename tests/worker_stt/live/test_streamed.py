"""Live speech and a model that streams: its feeds, the text meanwhile, and the text that counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hushd_schema.engines import EngineSpec
from hushd_worker_stt.engine import (
    EngineStream,
    Hypothesis,
    LevelRange,
    Model,
    Options,
    PieceLength,
    Segment,
)
from hushd_worker_stt.live.listener import LiveListener
from hushd_worker_stt.partials import Event, Nothing, Unstable
from hushd_worker_stt.recogniser import Recogniser
from hushd_worker_stt.request import Request
from support.stt_jobs import EngineAtOnce, make_job

from .conftest import BEHIND

pytestmark = pytest.mark.usefixtures("loud_is_speech")

RATE = 16_000
FEED_S = 1.0
LEVEL = 0.5  # of speech; below 0.3 it is a cough


class Busy(Exception):
    """A second thing was asked of a model that has a stream open."""


@dataclass
class Ribbon(EngineStream):
    """A stream that hears a word for each half second of speech, and doubts the last; its end has them in capitals."""

    owner: Streaming
    language: str | None = None
    feeds: list[np.ndarray] = field(default_factory=list)
    ended: str = ""

    def feed(self, samples: np.ndarray) -> Hypothesis:
        self.owner.check()
        assert not self.ended
        self.feeds.append(samples)
        return self.owner.hypothesis(self._words())

    def finish(self) -> list[Segment]:
        self.ended, self.owner.open = "finished", None
        self.language = self.owner.spoken_in
        text = " ".join(self._words()).upper()
        return [Segment(0.0, self.seconds + 5, text)] if text else []

    def cancel(self) -> None:
        if not self.ended:
            self.ended, self.owner.open = "cancelled", None

    @property
    def seconds(self) -> float:
        return sum(map(len, self.feeds)) / RATE

    def _words(self) -> list[str]:
        spoken = sum(int((feed >= 0.3).sum()) for feed in self.feeds) / RATE
        return [f"word{number}" for number in range(round(2 * spoken))]


class Streaming(EngineAtOnce):
    """The engine of the ribbons, which like a real one is busy while one is open."""

    SPEC = EngineSpec("tape", "stt", "", streaming=True)
    LEVEL = LevelRange(0.0, 1.0)
    feed_s = FEED_S

    def __init__(self) -> None:
        self.ribbons: list[Ribbon] = []
        self.asked: list[Options] = []
        self.open: Ribbon | None = None
        self.spoken_in: str | None = None

    def transcribe(self, samples: np.ndarray, options: Options) -> Iterable[Segment]:
        raise AssertionError("a live session of a model with streams is heard by streams")

    def begin(self, options: Options) -> EngineStream:
        if self.open:
            raise Busy
        self.asked.append(options)
        self.open = Ribbon(self)
        self.ribbons.append(self.open)
        return self.open

    def hypothesis(self, words: list[str]) -> Hypothesis:
        return Hypothesis(" ".join(words[:-1]), " " + words[-1] if words else "")


def sounds(*parts: tuple[float, float]) -> Iterator[np.ndarray]:
    """Pairs of seconds and amplitude, as blocks of 32 ms."""
    whole = np.concatenate([np.full(round(seconds * RATE), level, np.float32) for seconds, level in parts])
    yield from np.split(whole, range(512, len(whole), 512))


def session(engine: Streaming, longest: float = 30.0, **params: Any) -> LiveListener:
    job, _ = make_job([], {"live": True})
    request = Request(format="s16le", live=True, continuous=True, no_speech_s=0, **params)
    recogniser = Recogniser(engine, Model("default", ("en", "de"), 10))
    return LiveListener(recogniser, job, request, PieceLength(longest / 2, longest))


def heard(engine: Streaming, *parts: tuple[float, float], **params: Any) -> list[Event]:
    return list(session(engine, **params).events(sounds(*parts)))


def segments(events: Iterable[Event]) -> list[Segment]:
    return [event for event in events if isinstance(event, Segment)]


def test_a_stream_is_fed_once_and_in_sizes_that_pay() -> None:
    """Ten seconds of speech go in by a second at a time, and each sample of them once."""
    engine = Streaming()
    heard(engine, (1, 0), (10, LEVEL), (2, 0))
    (ribbon,) = engine.ribbons
    sizes = [len(feed) / RATE for feed in ribbon.feeds]
    assert all(FEED_S - 0.5 <= size < FEED_S + 0.1 for size in sizes[:-1])
    assert len(sizes) <= 11
    assert sum(int((feed == LEVEL).sum()) for feed in ribbon.feeds) == 10 * RATE
    assert ribbon.seconds < 10 + 0.6  # and of the quiet around it only what words begin and end with
    assert ribbon.ended == "finished"


def test_the_text_comes_from_the_end() -> None:
    """Unstable text grows meanwhile; the segment has what the end says, within the audio."""
    events = heard(Streaming(), (1, 0), (4, LEVEL), (2, 0))
    shown = [event for event in events if isinstance(event, Unstable)]
    assert len(shown) >= 3
    for before, after in pairwise(shown):
        assert after.stable.startswith(before.stable)
    assert shown[-1].stable + shown[-1].text == " ".join(f"word{number}" for number in range(8))
    (segment,) = segments(events)
    assert segment.text == " ".join(f"WORD{number}" for number in range(8))
    assert 0.7 <= segment.start <= 1.0
    assert 5.0 <= segment.end <= 5.5  # though the model named 5 s more


def test_quiet_is_fed_only_if_somebody_speaks_on() -> None:
    """A pause within an utterance is heard, for the words around it; the silence that ends one is not."""
    engine = Streaming()
    events = heard(engine, (2, LEVEL), (0.6, 0), (2, LEVEL), (3, 0))
    (ribbon,) = engine.ribbons
    assert ribbon.seconds == pytest.approx(2 + 0.6 + 2 + 0.3, abs=0.1)
    assert len(segments(events)) == 1


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_monologue_is_several_streams(pause: float) -> None:
    """It goes on in another at a pause, or without one in the middle of speech; nothing said is lost or heard twice."""
    engine = Streaming()
    events = heard(engine, *[(6, LEVEL), (pause, 0)] * 10, (2, 0), longest=8.0)
    assert len(engine.ribbons) >= 6
    assert max(ribbon.seconds for ribbon in engine.ribbons) <= 8 + FEED_S
    assert sum(int((feed == LEVEL).sum()) for ribbon in engine.ribbons for feed in ribbon.feeds) == 60 * RATE
    for earlier, later in pairwise(segments(events)):
        assert earlier.end <= later.start + 0.01


@pytest.mark.parametrize(("seconds", "level", "said"), BEHIND)
@pytest.mark.usefixtures("louder_is_surer")
def test_what_follows_a_final_text_has_to_be_speech_by_itself(seconds: float, level: float, said: bool) -> None:
    """A stream of a breath alone, behind a sentence whose stream has ended, has no text."""
    events = heard(Streaming(), (9, 0.9), (0.5, 0), (seconds, level), (0.5, 0.0), (2, 0), silence_s=1, longest=18.0)
    assert len(segments(events)) == 1 + (said and round(2 * seconds) > 0)


def test_a_cough_is_nothing() -> None:
    """A stream without words ends as nothing, and the next utterance has one of its own."""
    engine = Streaming()
    events = heard(engine, (0.5, 0.2), (1.5, 0), (2, LEVEL), (2, 0))
    assert [type(event) for event in events if isinstance(event, Nothing)] == [Nothing]
    assert [segment.text for segment in segments(events)] == ["WORD0 WORD1 WORD2 WORD3"]
    assert [ribbon.ended for ribbon in engine.ribbons] == ["finished", "finished"]


def test_a_session_that_is_left_closes_its_stream() -> None:
    """A client that goes away in the middle leaves the model free for the next."""
    engine = Streaming()
    listener = session(engine)
    for event in (events := listener.events(sounds((5, LEVEL)))):
        if isinstance(event, Unstable):
            break
    events.close()  # type: ignore[attr-defined]
    assert [ribbon.ended for ribbon in engine.ribbons] == ["cancelled"]
    assert segments(heard(engine, (2, LEVEL), (2, 0)))


def test_each_stream_of_a_session_has_its_language() -> None:
    """The named one; without a name a stream finds its own."""
    for named in ("en", None):
        engine = Streaming()
        list(session(engine, language=named).events(sounds((1, 0), (4, LEVEL), (2, 0), (4, LEVEL), (2, 0))))
        assert [options.language for options in engine.asked] == [named, named]

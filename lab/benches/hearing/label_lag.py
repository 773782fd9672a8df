"""The time of each turn's first label, in seconds of sound: the listener with the real models of voices and no engine,
so that it is the same on a busy machine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

from hushd_worker_stt.engine import RATE, EngineStream, Hypothesis, PieceLength, Segment
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.live.events import Event, Speaker
from hushd_worker_stt.live.listener import LiveListener
from hushd_worker_stt.live.voices import Voices
from hushd_worker_stt.request import Request
from hushd_worker_stt.segmentation.vad import FRAME

if TYPE_CHECKING:
    from hushd_worker.job import Job
    from hushd_worker_stt.diarization.models import DiarizationModels
    from hushd_worker_stt.engine import Samples
    from hushd_worker_stt.recogniser import Recogniser
    from support.conversations import Conversation

NEAR_S = 1.0  # between a turn's beginning and that of the speech which a label is said of


class FirstLabel(NamedTuple):
    """The first label of a turn: the seconds of sound until it came, and whether another took its place meanwhile."""

    lag_s: float
    replaced: bool


def heard(
    models: DiarizationModels,
    talk: Conversation,
    people: Mapping[str, str] = MappingProxyType({}),
    voices: Voices | None = None,
) -> list[tuple[float, Event]]:
    """All that a live session says of `talk`, with the seconds of sound until it was said."""
    request = Request.parse({"live": True, "continuous": True, "diarize": True}, Moonshine.INFO, Moonshine.models()[0])
    voices = voices or Voices(models, 0, people)
    job, recogniser = cast("Job", _Job()), cast("Recogniser", _Recogniser())
    listener = LiveListener(recogniser, job, request, PieceLength(10.0, 20.0), voices=voices)
    frames = (talk.samples[start : start + FRAME] for start in range(0, len(talk.samples), FRAME))
    return [(listener.seconds, event) for event in listener.events(frames)]


def first_labels(models: DiarizationModels, talk: Conversation) -> list[FirstLabel]:
    """The first label of each turn of `talk` that has one."""
    told = [(at, event) for at, event in heard(models, talk) if isinstance(event, Speaker)]
    labels = []
    for turn in talk.spoken:
        own = [(at, event) for at, event in told if abs(event.start - turn.start) < NEAR_S and turn.start < at]
        if own:
            (at, first), *_ = own
            replaced = any(later.start == first.start and later.speaker != first.speaker for _, later in own)
            labels.append(FirstLabel(at - turn.start, replaced))
    return labels


class _Silent(EngineStream):
    """A stream of an engine that has a text of one word for whatever it hears."""

    language = None

    def __init__(self) -> None:
        self._count = 0

    def feed(self, samples: Samples) -> Hypothesis:
        self._count += len(samples)
        return Hypothesis("", "")

    def finish(self) -> list[Segment]:
        return [Segment(0.0, self._count / RATE, "word")]

    def cancel(self) -> None:
        """Nothing is open."""


class _Recogniser:
    feed_s = 0.5

    def begin(self, *_: object) -> EngineStream:
        return _Silent()


class _Job:
    def check(self) -> None:
        """Nobody cancels."""

"""Wake words detected in live audio: the request, and what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, Unpack

from hushd.transport.retry import RetryingCall
from hushd.transport.steps import Steps, run
from hushd.verbs import requests
from hushd_protocol import JsonObject
from hushd_protocol.messages import Message, Partial, Request
from hushd_worker_wake.operation import DETECT, DetectionData

if TYPE_CHECKING:
    from hushd.verbs.options import WorkerOptions


@dataclass(frozen=True, slots=True)
class Detection:
    """A detected word; times are seconds of the audio.

    Attributes:
        word: as in the request.
        name: the model's own name for it, such as `okay_nabu`.
        at: when the worker was sure of it.
        end: where to continue listening: the beginning of the pause after the word or, without a pause, of the word
            itself.
        probability: the model's; None if it reports none.
    """

    word: str
    name: str
    at: float
    end: float
    probability: float | None


class IncomingDetections:
    """A request that detects words; the base of `Detections` and `AsyncDetections`."""

    def __init__(self, call: RetryingCall) -> None:
        self._call = call

    def close(self) -> None:
        """Stops waiting. Safe on any thread."""
        self._call.close()

    def _next(self) -> Steps[Detection | None]:
        """Returns the next word, as a procedure; None once the audio has ended."""
        while (message := (yield from self._call.receive())) is not None:
            if detection := _read(message):
                return detection
        return None


class Detections(IncomingDetections, Iterator[Detection]):
    """Iterates over the words as they are detected, until the audio ends. A context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Detection:
        if detection := run(self._next()):
            return detection
        raise StopIteration


def _read(message: Message) -> Detection | None:
    if not isinstance(message, Partial) or message.data.get("kind") != "detection":
        return None
    data = DetectionData.from_data(message.data)
    return Detection(data.word, data.name, float(data.at), float(data.end), data.probability)


def detect_request(
    words: Sequence[str],
    *,
    rate: int = 16_000,
    channels: int = 1,
    threshold: float | None = None,
    **options: Unpack[WorkerOptions],
) -> Request:
    """Returns the request; see `Client.detect`.

    Raises:
        HushdError: `bad_request` for invalid words or numbers.
    """
    given: JsonObject = {"words": list(words) or None, "threshold": threshold, "rate": rate, "channels": channels}
    params = DETECT.read(given)
    request = requests.request("wake", DETECT.name, params, **options)
    return replace(request, session=True)

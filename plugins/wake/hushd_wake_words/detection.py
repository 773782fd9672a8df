"""Wake words detected in live audio: the request, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

from hushd.audio.recording import Closing
from hushd.transport import source
from hushd.transport.retry import RetryingCall
from hushd.transport.steps import run
from hushd.verbs import requests
from hushd_protocol import JsonObject
from hushd_protocol.messages import Message, Partial, Request
from hushd_worker_wake.operation import DETECT
from hushd_worker_wake.operation import Detection as Detection
from msgspec.structs import replace

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.verbs.options import WorkerOptions

    class DetectOptions(WorkerOptions, total=False):
        """Options of `detect`."""

        rate: int
        channels: int
        threshold: float | None


class Detections(Closing, Iterator[Detection]):
    """Iterates over the words as they are detected, until the audio ends. A context manager."""

    def __init__(self, call: RetryingCall) -> None:
        self._call = call

    def __next__(self) -> Detection:
        while (message := run(self._call.receive())) is not None:
            if detection := _read(message):
                return detection
        raise StopIteration

    def close(self) -> None:
        """Stops waiting. Safe on any thread."""
        self._call.close()


def detect(client: Client, chunks: Iterable[bytes], *words: str, **options: Unpack[DetectOptions]) -> Detections:
    """Waits for words in live audio; returns an iterator over those that are heard, until `chunks` end.

    All programs share one worker of 35 MB, which leaves ten seconds after the last of these requests.

    Args:
        chunks: s16le samples as they are recorded; read in another thread.
        words: such as `okay nabu`; none: the model's first one. `client.describe("wake")` lists them.
        rate, channels: of the samples; by default 16000 Hz and 1.
        model: one of the engine's, or as ENGINE/NAME.
        threshold: how sure the model must be, 0.01 to 0.999; None: as its makers chose.
        options: also engine, keep_alive, priority.
    """
    request = _request(words, **options)
    # Sound that was heard once must not be heard again.
    return Detections(run(client._send(request, source.Stream(chunks, room=0))))  # noqa: SLF001 - the verb of a plugin


def _read(message: Message) -> Detection | None:
    if not isinstance(message, Partial) or message.data.get("kind") != "detection":
        return None
    return Detection.from_data(message.data)


def _request(
    words: Sequence[str],
    *,
    rate: int = 16_000,
    channels: int = 1,
    threshold: float | None = None,
    **options: Unpack[WorkerOptions],
) -> Request:
    """Returns the request; see `detect`. Raises `bad_request` for invalid words or numbers."""
    given: JsonObject = {"words": list(words) or None, "threshold": threshold, "rate": rate, "channels": channels}
    params = DETECT.read(given)
    request = requests.request("wake", DETECT.name, params, **options)
    return replace(request, session=True)

"""The worker's jobs: detects words by one engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.results import Capabilities
from hushd_worker import harness
from hushd_worker.confinement import of_engine
from hushd_worker.engine_registry import choose_model
from hushd_worker.errors import importing
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

from .engine import RATE
from .operation import DETECT, Detection, DetectionResult
from .registry import REGISTRY
from .word_end import RecentSound

if TYPE_CHECKING:
    from .engine import Engine, Listener

# Seconds to wait for audio: the microphone may be paused, or the program may have left the request open.
_AUDIO_TIMEOUT_S = 600.0
_STEP = 2 * RATE // 5  # bytes heard at a time
_SESSIONS = 32  # each costs 0.3 % of a core


def serve(engine: str, model: str) -> None:
    """Serves the supervisor's jobs by a model of an engine, until it ends this process."""
    harness.serve(WakeWorker(engine, model), of_engine("wake", engine))


class WakeWorker(BaseWorker):
    """The worker, run by the harness. All programs share it: each request is a stream of its own."""

    sessions = _SESSIONS

    def __init__(self, engine: str, model: str) -> None:
        self._engine_name = engine
        self._model = model

    def load(self, report: Callable[[str], None]) -> Capabilities:
        """Loads the engine; returns its capabilities. Raises `engine_missing` or `model_missing`."""
        kind = REGISTRY.find(self._engine_name)
        spec, names = kind.SPEC, [model.name for model in kind.models()]
        model = choose_model(spec.name, self._model, spec.default_model, names)
        self._engine: Engine = kind(model)
        self._engine.load(report)
        return Capabilities(engine=spec.name, model=model)

    def run(self, job: Job) -> JsonObject:
        """Detects words; reports each in a partial. Raises `unsupported`, `bad_request`, or as the input."""
        if job.op != DETECT.name:
            raise HushdError("unsupported", f"A worker that waits for words can 'detect', not {job.op!r}.")
        params = {**DETECT.defaults(), **DETECT.read(job.params)}
        if job.input not in ("stream", "inline"):
            raise HushdError("bad_request", "Send the samples in which to detect words: s16le, as they are recorded.")
        job.params |= {"rate": params["rate"], "channels": params["channels"]}  # the chunks must agree
        with closing(self._engine.listener(params["words"] or (), params["threshold"])) as listener:
            return _listen(job, listener, _converted(job.read(_AUDIO_TIMEOUT_S), params["rate"], params["channels"]))


def _listen(job: Job, listener: Listener, pieces: Iterator[bytes]) -> JsonObject:
    recent, samples, count = RecentSound(), 0, 0
    for piece in pieces:
        recent.add(piece)
        samples += len(piece) // 2
        for detection in listener.hear(piece):
            count += 1
            end = recent.word_end(detection.at, detection.lag_s, detection.begin)
            data = Detection(
                kind="detection",
                word=detection.word,
                name=detection.name,
                at=round(detection.at, 3),
                end=round(end, 3),
                probability=None if detection.probability is None else round(detection.probability, 3),
            )
            job.send_partial(data.data())
    return DetectionResult(duration=round(samples / RATE, 3), detections=count).data()


def _converted(pieces: Iterator[bytes], rate: int, channels: int) -> Iterator[bytes]:
    """Yields the samples as one channel at `RATE`, in whole samples."""
    pieces = _whole(pieces, 2 * channels)
    samples = pieces if (rate, channels) == (RATE, 1) else _resampled(pieces, rate, channels)
    for piece in samples:  # pieces may have any length, but a word's end is looked for in the last seconds
        for start in range(0, len(piece), _STEP):
            yield piece[start : start + _STEP]


def _whole(pieces: Iterator[bytes], frame: int) -> Iterator[bytes]:
    incomplete = b""
    for piece in pieces:
        piece = incomplete + piece if incomplete else piece
        whole = len(piece) - len(piece) % frame
        incomplete = piece[whole:]
        if whole:
            yield piece[:whole]


def _resampled(pieces: Iterator[bytes], rate: int, channels: int) -> Iterator[bytes]:
    import numpy as np

    with importing(f"Samples of {rate} Hz cannot be converted here", f"send {RATE} Hz"):
        import soxr  # imported only for other rates
    stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    for piece in pieces:
        frames = np.frombuffer(piece, np.int16).reshape(-1, channels).mean(axis=1, dtype=np.float32)
        if len(samples := stream.resample_chunk(frames)):
            yield np.clip(samples, -32768, 32767).astype(np.int16).tobytes()

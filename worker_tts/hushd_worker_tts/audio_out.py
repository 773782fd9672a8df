"""Prepares speech for output: cuts silence, converts rate and loudness, and encodes the requested format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_worker.job import Job

from .encoders import Encoder, Raw, Wav
from .engine import AudioChunk, Samples
from .levelling import limit
from .params import FIXED_RATES

if TYPE_CHECKING:
    from .encoders import Integers

# Silence kept on either side of a cut inside a sentence; together they are the pause of a comma.
JOINT_S = 0.12
SILENCE_BEFORE_WORD_S = 0.06  # silence kept before the first word, since an f or th begins before it is audible
_SILENT_PEAK_SHARE = 0.03  # share of the peak


def joined(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """Yields all chunks joined into one, or nothing."""
    if together := list(chunks):
        rate = together[0].rate
        marks, at = [], 0.0
        for chunk in together:
            marks += [(place, at + seconds) for place, seconds in chunk.marks]
            at += len(chunk.samples) / rate
        yield AudioChunk(np.concatenate([chunk.samples for chunk in together]), rate, tuple(marks))


def shorten(chunk: AudioChunk, *, start: float | None, end: float | None) -> AudioChunk:
    """Returns `chunk` with silence limited to `start` and `end` seconds at its ends; None keeps all silence."""
    if start is end is None:
        return chunk
    loud = _loud(chunk)
    if not len(loud):
        return chunk
    first = 0 if start is None else max(0, int(loud[0] - start * chunk.rate))
    last = len(chunk.samples) if end is None else int(loud[-1] + end * chunk.rate)
    samples = chunk.samples[first:last]
    length = len(samples) / chunk.rate
    marks = tuple((place, min(max(at - first / chunk.rate, 0.0), length)) for place, at in chunk.marks)
    return AudioChunk(samples, chunk.rate, marks)


def sounding(chunk: AudioChunk) -> tuple[float, float]:
    """Returns the times in seconds at which a chunk's sound begins and ends."""
    loud = _loud(chunk)
    if not len(loud):
        return 0.0, len(chunk.samples) / chunk.rate
    return float(loud[0] / chunk.rate), float((loud[-1] + 1) / chunk.rate)


def _loud(chunk: AudioChunk) -> Any:
    """Returns the indices of the samples that are not silence."""
    level = np.abs(chunk.samples)
    return np.flatnonzero(level > _SILENT_PEAK_SHARE * level.max(initial=0.0))


class Output:
    """Sends audio of any rate to a job, in the requested format, rate and channels.

    It is made at the first audio, and closed after a success.
    """

    def __init__(self, job: Job, format: str, engine_rate: int, sample_rate: int | None, channels: int) -> None:
        """Raises HushdError `engine_missing` if the format or the rate needs a library that is not installed."""
        rates = FIXED_RATES.get(format, (engine_rate,))
        # The engine's own rate, or the next higher one that the format supports.
        self.rate = sample_rate or next((known for known in rates if known >= engine_rate), rates[-1])
        self._channels = channels
        self._encoder = _encoder(job, format, self.rate, channels)
        self._resampler: Any = None
        self._from = self.rate  # the resampler's input rate
        self.frames = 0

    def write(self, samples: Samples, rate: int, volume: float = 1.0) -> None:
        """Sends samples multiplied by `volume`, with limited peaks; waits for credit. Raises Cancelled."""
        if rate != self._from:
            self._drain()
            self._from = rate
            self._resampler = None if rate == self.rate else _resampler(rate, self.rate)
        if volume != 1.0:
            samples = samples * np.float32(volume)
        samples = limit(samples)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples, np.float32))
        self._encode(samples)

    def silence(self, seconds: float) -> None:
        """Sends silence, a second at a time."""
        rate = self._from
        for start in range(0, frames := round(seconds * rate), rate):
            self.write(np.zeros(min(rate, frames - start), np.float32), rate)

    def close(self) -> None:
        """Sends the rest, and corrects the header."""
        self._drain()
        self._encoder.close()

    def abort(self) -> None:
        """Ends the encoder of a job that failed; safe to call twice, and after `close`."""
        self._encoder.abort()

    def _drain(self) -> None:
        if self._resampler is not None:
            self._encode(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None

    def _encode(self, samples: Samples) -> None:
        self.frames += len(samples)
        if len(samples):
            integers = to_s16le(samples)
            self._encoder.write(integers if self._channels == 1 else np.repeat(integers, self._channels))


def _encoder(job: Job, format: str, rate: int, channels: int) -> Encoder:
    """Returns the encoder of one of `FORMATS`. Raises `engine_missing` without the library that it needs."""
    if format in ("s16le", "pcm"):
        return Raw(job, rate, channels, 0 if format == "pcm" else None)
    if format == "wav":
        return Wav(job, rate, channels)
    from . import file_encoders  # noqa: PLC0415 - most speech is played, or a WAV file

    return file_encoders.encoder(job, format, rate, channels)


def _resampler(from_rate: int, to_rate: int) -> Any:
    try:
        import soxr  # noqa: PLC0415 - for another rate alone
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"A sample_rate other than the voice's {from_rate} needs soxr: {extra_command('tts')}."
        ) from error
    return soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")


def to_s16le(samples: Samples) -> Integers:
    """Returns float samples as little-endian 16 bit; clips values beyond -1..1, and replaces NaN by silence."""
    scaled = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * np.float32(32767)
    clipped: Integers = np.clip(scaled, -32768, 32767).round().astype("<i2")
    return clipped

"""Speech to bytes: raw s16le, or a file of a usual format, sent to the job as soon as there is any.

An `Output` is made at the first audio, takes float32 mono samples piece by piece, and is closed when all went well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from hushd_protocol.errors import HushdError
from hushd_protocol.system.installation import extra_command
from hushd_worker.job import Job

from .engine import AudioChunk
from .levelling import limit
from .params import FIXED_RATES

if TYPE_CHECKING:
    import numpy.typing as npt

    from .engine import Samples

    Integers = npt.NDArray[np.int16]

# libsndfile's names of the formats that need it: container and coding.
_SOUNDFILE = {
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_UNKNOWN_SIZE = 0xFFFFFFFF
_MOST = 0x7FFFFF00  # bytes of samples in an AIFF whose size is unknown: more is a negative number to some readers
# Of the silence at either side of a cut within a sentence; together the pause of a comma.
JOINT_S = 0.12
LEAD_S = 0.06  # of the silence before the first word: an f or th begins so much before it is heard
_SILENCE = 0.03  # of the peak


def joined(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """All chunks as one, or none."""
    if together := list(chunks):
        rate = together[0].rate
        marks, at = [], 0.0
        for chunk in together:
            marks += [(place, at + seconds) for place, seconds in chunk.marks]
            at += len(chunk.samples) / rate
        yield AudioChunk(np.concatenate([chunk.samples for chunk in together]), rate, tuple(marks))


def shorten(chunk: AudioChunk, *, start: float | None, end: float | None) -> AudioChunk:
    """`chunk` with at most so many seconds of silence at its start and its end; None leaves what there is."""
    if start is end is None:
        return chunk
    level = np.abs(chunk.samples)
    loud = np.flatnonzero(level > _SILENCE * level.max(initial=0.0))
    if not len(loud):
        return chunk
    first = 0 if start is None else max(0, int(loud[0] - start * chunk.rate))
    last = len(level) if end is None else int(loud[-1] + end * chunk.rate)
    samples = chunk.samples[first:last]
    length = len(samples) / chunk.rate
    marks = tuple((place, min(max(at - first / chunk.rate, 0.0), length)) for place, at in chunk.marks)
    return AudioChunk(samples, chunk.rate, marks)


def sounding(chunk: AudioChunk) -> tuple[float, float]:
    """Where in a chunk its sound begins and ends, in seconds."""
    level = np.abs(chunk.samples)
    loud = np.flatnonzero(level > _SILENCE * level.max(initial=0.0))
    if not len(loud):
        return 0.0, len(level) / chunk.rate
    return float(loud[0] / chunk.rate), float((loud[-1] + 1) / chunk.rate)


class Output:
    """Audio of any rate on its way to a job, in the format, the rate and the channels that were asked for."""

    def __init__(self, job: Job, format: str, engine_rate: int, sample_rate: int | None, channels: int) -> None:
        """Raises HushdError `engine_missing` when the format or the rate needs a library that is not installed."""
        self.rate = sample_rate or _possible(engine_rate, format)
        self._channels = channels
        self._encoder = _encoder(job, format, self.rate, channels)
        self._resampler: Any = None
        self._from = self.rate  # the rate that the resampler takes
        self.frames = 0

    def write(self, samples: Samples, rate: int, volume: float = 1.0) -> None:
        """Sends samples times `volume`, their peaks limited; waits for credit. Raises Cancelled."""
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

    def _drain(self) -> None:
        if self._resampler is not None:
            self._encode(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None

    def _encode(self, samples: Samples) -> None:
        self.frames += len(samples)
        if len(samples):
            integers = to_s16le(samples)
            self._encoder.write(integers if self._channels == 1 else np.repeat(integers, self._channels))


def _possible(rate: int, format: str) -> int:
    """The engine's own rate, or the next higher one that the format can have."""
    rates = FIXED_RATES.get(format, (rate,))
    return next((known for known in rates if known >= rate), rates[-1])


def _resampler(before: int, after: int) -> Any:
    try:
        import soxr
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"Another sample_rate than the voice's {before} needs soxr: {extra_command('tts')}."
        ) from error
    return soxr.ResampleStream(before, after, 1, dtype="float32")


class _Encoder(Protocol):
    """Writes interleaved 16 bit samples to a job in one format."""

    def write(self, samples: Integers) -> None:
        """Sends what is ready; waits for credit. Raises Cancelled."""

    def close(self) -> None:
        """Sends the rest, and corrects the header."""


def _encoder(job: Job, format: str, rate: int, channels: int) -> _Encoder:
    if format == "s16le":
        return _Raw(job, rate, channels)
    if format == "pcm":
        return _Pcm(job, rate, channels)
    if format == "wav":
        return _Headed(job, partial(wav_header, rate, channels=channels), "<i2")
    if format == "aiff":
        return _Headed(job, partial(aiff_header, rate, channels=channels), ">i2")
    return _Encoded(job, rate, channels, *_SOUNDFILE[format])


def to_s16le(samples: Samples) -> Integers:
    """Float samples to little-endian 16 bit; what is beyond -1..1 is clipped, what is no number is silent."""
    scaled = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * np.float32(32767)
    clipped: Integers = np.clip(scaled, -32768, 32767).round().astype("<i2")
    return clipped


class _Raw:
    """For whoever plays: chunks without a place, the first of which say what they are."""

    def __init__(self, job: Job, rate: int, channels: int) -> None:
        self._job = job
        self._first: dict[str, int] = {"rate": rate, "channels": channels}

    def write(self, samples: Integers) -> None:
        self._job.send_chunk(samples.tobytes(), **self._first)
        self._first = {}

    def close(self) -> None:
        pass


class _Pcm:
    """The same bytes, for whoever writes a file."""

    def __init__(self, job: Job, rate: int, channels: int) -> None:
        self._job = job
        self._first: dict[str, int] = {"rate": rate, "channels": channels}
        self._size = 0

    def write(self, samples: Integers) -> None:
        data = samples.tobytes()
        self._job.send_chunk(data, offset=self._size, **self._first)
        self._size += len(data)
        self._first = {}

    def close(self) -> None:
        pass


class _Headed:
    """The header first says that the size is unknown, which players of a pipe understand; the true one comes last, for
    offset 0, where whoever writes a file can go back to.

    Args:
        header: what is before so many bytes of samples; before an unknown number of them, given None.
        coding: numpy's name of the samples' type.
    """

    def __init__(self, job: Job, header: Callable[[int | None], bytes], coding: str) -> None:
        self._job = job
        self._header = header
        self._coding = coding
        self._pending = header(None)
        self._ends = len(self._pending)  # bytes of the header
        self._size = 0  # of the samples

    def write(self, samples: Integers) -> None:
        start = 0 if self._pending else self._ends + self._size
        data = samples.astype(self._coding, copy=False).tobytes()
        self._job.send_chunk(self._pending + data, offset=start)
        self._pending = b""
        self._size += len(data)

    def close(self) -> None:
        self._job.send_chunk(self._header(self._size), offset=0)


def wav_header(rate: int, size: int | None, channels: int = 1) -> bytes:
    """The 44 bytes before `size` bytes of 16 bit samples; None, or more than a WAV can say: size unknown."""
    if size is None or size + 36 > _UNKNOWN_SIZE:
        riff = data = _UNKNOWN_SIZE
    else:
        riff, data = size + 36, size
    form = (16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", *form, b"data", data)


def aiff_header(rate: int, size: int | None, channels: int = 1) -> bytes:
    """The 54 bytes before `size` bytes of 16 bit samples; None, or a number that some read as negative: unknown.

    AIFF has no word for that, so the header promises as much as there can be: readers go on to the end.
    """
    size = _MOST if size is None or size > _MOST else size
    digits = rate.bit_length()
    extended = struct.pack(">HQ", 16382 + digits, rate << (64 - digits))  # a float of 80 bits
    common = struct.pack(">4sIhIh", b"COMM", 18, channels, size // (2 * channels), 16) + extended
    return struct.pack(">4sI4s", b"FORM", size + 46, b"AIFF") + common + struct.pack(">4sIII", b"SSND", size + 8, 0, 0)


class _Encoded:
    def __init__(self, job: Job, rate: int, channels: int, container: str, coding: str) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: the package is there and libsndfile is not
            raise HushdError(
                "engine_missing", f"{container} needs soundfile, which does not load: {extra_command('tts')}."
            ) from error
        self._job = job
        self._channels = channels
        self._file = _Segments()
        self._sound: Any = soundfile.SoundFile(
            self._file, "w", samplerate=rate, channels=channels, format=container, subtype=coding
        )

    def write(self, samples: Integers) -> None:
        self._sound.write(samples.reshape(-1, self._channels))
        self._send()

    def close(self) -> None:
        self._sound.close()
        self._send()

    def _send(self) -> None:
        # Not from within libsndfile's write, which runs as a C callback: Cancelled would be lost in it.
        for offset, data in self._file.take():
            self._job.send_chunk(memoryview(data), offset=offset)


class _Segments:
    """A file to libsndfile, which writes small pieces and goes back to correct its header; to us, the pieces in the
    order of writing with their offsets, neighbours joined."""

    def __init__(self) -> None:
        self._position = 0
        self._size = 0
        self._segments: list[tuple[int, bytearray]] = []

    def write(self, data: bytes) -> int:
        if self._segments and self._position == self._segments[-1][0] + len(self._segments[-1][1]):
            self._segments[-1][1].extend(data)
        else:
            self._segments.append((self._position, bytearray(data)))
        self._position += len(data)
        self._size = max(self._size, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, self._size)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def take(self) -> list[tuple[int, bytearray]]:
        """What was written since the last call."""
        taken, self._segments = self._segments, []
        return taken

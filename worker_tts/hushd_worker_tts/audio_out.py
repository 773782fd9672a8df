"""Speech to bytes: raw s16le, or a file of a usual format, sent to the job as soon as there is any.

Every encoder is made at the first audio, takes float32 mono samples piece by piece, and is closed when all went well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from hushd_protocol.errors import HushdError
from hushd_protocol.job import Job

from .engine import AudioChunk

if TYPE_CHECKING:
    import numpy.typing as npt

    from .engine import Samples

# libsndfile's names of the formats that need it: container and coding.
_SOUNDFILE = {
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}
_UNKNOWN_SIZE = 0xFFFFFFFF
# Of the silence at either side of a cut within a sentence; together the pause of a comma.
_JOINT_S = 0.12
_SILENCE = 0.03  # of the peak


def joined(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """All chunks as one, or none."""
    if together := list(chunks):
        yield AudioChunk(np.concatenate([chunk.samples for chunk in together]), together[0].rate)


def shorten(chunk: AudioChunk, *, start: bool, end: bool) -> AudioChunk:
    """`chunk` with the silence at its start, its end, or both cut down to that of a comma."""
    if not (start or end):
        return chunk
    level = np.abs(chunk.samples)
    loud = np.flatnonzero(level > _SILENCE * level.max(initial=0.0))
    if not len(loud):
        return chunk
    margin = int(_JOINT_S * chunk.rate)
    first = max(0, int(loud[0]) - margin) if start else 0
    last = int(loud[-1]) + margin if end else len(level)
    return AudioChunk(chunk.samples[first:last], chunk.rate)


class Encoder(Protocol):
    """Writes samples to a job in one format."""

    def write(self, samples: Samples) -> None:
        """Sends what is ready; waits for credit. Raises Cancelled."""

    def close(self) -> None:
        """Sends the rest, and corrects the header."""


def encoder(job: Job, format: str, rate: int) -> Encoder:
    """The encoder for one of `speech.FORMATS`; `rate` is in Hz.

    Raises:
        HushdError: `engine_missing` when the format needs soundfile and that is not installed.
    """
    if format == "s16le":
        return _Raw(job, rate)
    if format == "wav":
        return _Wav(job, rate)
    return _Encoded(job, rate, *_SOUNDFILE[format])


def to_s16le(samples: Samples) -> npt.NDArray[np.int16]:
    """Float samples to little-endian 16 bit; what is beyond -1..1 is clipped, what is no number is silent."""
    scaled = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0) * np.float32(32767)
    clipped: npt.NDArray[np.int16] = np.clip(scaled, -32768, 32767).round().astype("<i2")
    return clipped


class _Raw:
    def __init__(self, job: Job, rate: int) -> None:
        self._job = job
        self._first: dict[str, int] = {"rate": rate, "channels": 1}

    def write(self, samples: Samples) -> None:
        self._job.send_chunk(to_s16le(samples).tobytes(), **self._first)
        self._first = {}

    def close(self) -> None:
        pass


class _Wav:
    """The header first says that the sizes are unknown, which players of a pipe understand; the true one comes last,
    for offset 0, where whoever writes a file can go back to."""

    def __init__(self, job: Job, rate: int) -> None:
        self._job = job
        self._rate = rate
        self._size = 0
        self._pending = wav_header(rate, None)

    def write(self, samples: Samples) -> None:
        start = 44 + self._size if not self._pending else 0
        data = to_s16le(samples).tobytes()
        self._job.send_chunk(self._pending + data, offset=start)
        self._pending = b""
        self._size += len(data)

    def close(self) -> None:
        self._job.send_chunk(wav_header(self._rate, self._size), offset=0)


def wav_header(rate: int, size: int | None) -> bytes:
    """The 44 bytes before `size` bytes of 16 bit mono samples; None, or more than a WAV can say: size unknown."""
    if size is None or size + 36 > _UNKNOWN_SIZE:
        riff = data = _UNKNOWN_SIZE
    else:
        riff, data = size + 36, size
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", data
    )


class _Encoded:
    def __init__(self, job: Job, rate: int, container: str, coding: str) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: the package is there and libsndfile is not
            raise HushdError(
                "engine_missing", f"{container} needs soundfile, which does not load: pip install 'hushd[tts]'."
            ) from error
        self._job = job
        self._file = _Segments()
        self._sound: Any = soundfile.SoundFile(
            self._file, "w", samplerate=rate, channels=1, format=container, subtype=coding
        )

    def write(self, samples: Samples) -> None:
        self._sound.write(to_s16le(samples))
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

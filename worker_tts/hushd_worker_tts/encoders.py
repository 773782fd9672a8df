"""Encodes 16 bit samples as raw audio or a file of a usual format, and sends the output as soon as it is ready. AAC is
PyAV's: FFmpeg's libraries, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SOUNDFILE, WAV_HEADER, wav_header
from hushd_worker import media
from hushd_worker.job import Job

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int16]


class Encoder(Protocol):
    """Writes interleaved 16 bit samples to a job in one format."""

    def write(self, samples: Integers) -> None:
        """Sends the ready part; waits for credit. Raises Cancelled."""

    def close(self) -> None:
        """Sends the rest, and corrects the header."""

    def abort(self) -> None:
        """Frees everything that must not outlive the job; safe to call twice, and after `close`."""


def encoder(job: Job, format: str, rate: int, channels: int) -> Encoder:
    """Returns the encoder of one of `FORMATS`.

    Raises:
        HushdError: `engine_missing` if the format needs a library that is not installed.
    """
    if format in ("s16le", "pcm"):
        return _Raw(job, rate, channels, 0 if format == "pcm" else None)
    if format == "wav":
        return _Wav(job, rate, channels)
    if format in SOUNDFILE:
        return _Encoded(job, rate, channels, *SOUNDFILE[format])

    return MpegEncoder(job, rate, channels, format)


class _InProcess:
    def abort(self) -> None:
        pass


class _Raw(_InProcess):
    """Raw samples; the first chunk carries rate and channels.

    Args:
        offset: of the first sample in a file; None: they are for playing, without offsets.
    """

    def __init__(self, job: Job, rate: int, channels: int, offset: int | None) -> None:
        self._job = job
        self._first: dict[str, int] = {"rate": rate, "channels": channels}
        self._offset = offset

    def write(self, samples: Integers) -> None:
        data = samples.tobytes()
        self._job.send_chunk(data, offset=self._offset, **self._first)
        self._offset = None if self._offset is None else self._offset + len(data)
        self._first = {}

    def close(self) -> None:
        pass


class _Wav(_InProcess):
    """Sends a header with an unknown size, which players of a pipe understand, then the samples, then the true header
    for offset 0, with which the writer of a file replaces the first one."""

    def __init__(self, job: Job, rate: int, channels: int) -> None:
        self._job = job
        self._rate, self._channels = rate, channels
        self._pending = wav_header(rate, None, channels)
        self._size = 0  # of the samples

    def write(self, samples: Integers) -> None:
        start = 0 if self._pending else WAV_HEADER + self._size
        data = samples.tobytes()
        self._job.send_chunk(self._pending + data, offset=start)
        self._pending = b""
        self._size += len(data)

    def close(self) -> None:
        self._job.send_chunk(wav_header(self._rate, self._size, self._channels), offset=0)


class _Encoded(_InProcess):
    """Encodes with libsndfile."""

    def __init__(self, job: Job, rate: int, channels: int, container: str, coding: str) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: the package is installed without libsndfile
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
        # Not inside libsndfile's write, which is a C callback: Cancelled would be lost in it.
        for offset, data in self._file.take():
            self._job.send_chunk(memoryview(data), offset=offset)


class _Segments:
    """The file for libsndfile, which writes small pieces and seeks back to correct its header.

    It keeps the pieces with their offsets in the order of writing, and joins adjacent ones.
    """

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
        """Returns the bytes written since the last call."""
        taken, self._segments = self._segments, []
        return taken


# An MP4 is usually finished by a seek back to its start; fragments of a second can be streamed.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
_CONTAINERS = {"m4a": "ipod", "aac": "adts"}
_BIT_RATE = 96_000


class MpegEncoder:
    """Writes interleaved 16 bit samples as `m4a` or `aac`."""

    def __init__(self, job: Job, rate: int, channels: int, format: str) -> None:
        """Raises HushdError `engine_missing` without PyAV."""
        self._av, self._job, self._rate = media.pyav(format), job, rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._pipe = _Pipe()
        self._offset = 0
        options = _FRAGMENTS if format != "aac" else {}
        self._file: Any = self._av.open(self._pipe, "w", format=_CONTAINERS[format], options=options)
        self._stream: Any = self._file.add_stream("aac", rate=rate, layout=self._layout)
        self._stream.bit_rate = _BIT_RATE

    def write(self, samples: Integers) -> None:
        frame = self._av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=self._layout)
        frame.sample_rate = self._rate
        self._file.mux(self._stream.encode(frame))
        self._send()

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()
        self._send()

    def abort(self) -> None:
        self._file.close()

    def _send(self) -> None:
        # Not inside the libraries' write, in whose callback Cancelled would be lost.
        if data := self._pipe.take():
            self._job.send_chunk(memoryview(data), offset=self._offset)
            self._offset += len(data)


class _Pipe:
    """A file that cannot seek, and keeps the bytes written."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytearray:
        """Returns the bytes written since the last call."""
        taken, self._data = self._data, bytearray()
        return taken

"""Encodes sound by libraries: libsndfile's formats, and AAC by PyAV, FFmpeg's libraries in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SOUNDFILE
from hushd_worker import media
from hushd_worker.job import Job

from .encoders import Encoder, InProcess

if TYPE_CHECKING:
    from .encoders import Integers


def encoder(job: Job, format: str, rate: int, channels: int) -> Encoder:
    """Returns the encoder of a format that takes a library. Raises `engine_missing` without it."""
    if format in SOUNDFILE:
        return _Encoded(job, rate, channels, *SOUNDFILE[format])
    return _MpegEncoder(job, rate, channels, format)


class _Encoded(InProcess):
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
        for offset, data in self._file.written():
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

    def written(self) -> list[tuple[int, bytearray]]:
        """Returns the bytes written since the last call."""
        taken, self._segments = self._segments, []
        return taken


# An MP4 is usually finished by a seek back to its start; fragments of a second can be streamed.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
_CONTAINERS = {"m4a": "ipod", "aac": "adts"}
_BIT_RATE = 96_000


class _MpegEncoder:
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
        if data := self._pipe.written():
            self._job.send_chunk(memoryview(data), offset=self._offset)
            self._offset += len(data)


class _Pipe:
    """A file that cannot seek, and keeps the bytes written."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def written(self) -> bytearray:
        """Returns the bytes written since the last call."""
        taken, self._data = self._data, bytearray()
        return taken

"""Encodes AAC and Apple Lossless by PyAV: FFmpeg's libraries, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_worker.job import Job

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int16]

# An MP4 is usually finished by a seek back to its start; fragments of a second can be streamed.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
_CONTAINERS = {"m4a": "ipod", "alac": "ipod", "aac": "adts"}
_BIT_RATE = 96_000


class MpegEncoder:
    """Writes interleaved 16 bit samples as `m4a`, `alac` or `aac`."""

    def __init__(self, job: Job, rate: int, channels: int, format: str) -> None:
        """Raises HushdError `engine_missing` without PyAV."""
        try:
            import av  # 0.1 s, and rarely needed
        except ImportError as error:
            raise HushdError("engine_missing", f"{format} needs PyAV: {extra_command('stt')}.") from error
        self._av, self._job, self._rate = av, job, rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._pipe = _Pipe()
        self._offset = 0
        options = _FRAGMENTS if format != "aac" else {}
        self._file: Any = av.open(self._pipe, "w", format=_CONTAINERS[format], options=options)
        self._stream: Any = self._file.add_stream("alac" if format == "alac" else "aac", rate=rate, layout=self._layout)
        if format != "alac":
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

"""Sends 16 bit samples as they are, or as a WAV file; `file_encoders` has what libraries encode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hushd_schema.sound_file import WAV_HEADER, wav_header
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


class InProcess:
    """An encoder with nothing to free."""

    def abort(self) -> None:
        pass


class Raw(InProcess):
    """Raw samples; the first chunk carries rate and channels.
    `offset`: of the first sample in a file; None: they are for playing, without offsets."""

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


class Wav(InProcess):
    """Sends a header with an unknown size, which players of a pipe understand, then the samples, then the true header
    for offset 0, with which the writer of a file replaces the first one."""

    def __init__(self, job: Job, rate: int, channels: int) -> None:
        self._job = job
        self._rate, self._channels = rate, channels
        self._pending = wav_header(rate, None, channels)
        self._size = 0  # bytes of the samples

    def write(self, samples: Integers) -> None:
        start = 0 if self._pending else WAV_HEADER + self._size
        data = samples.tobytes()
        self._job.send_chunk(self._pending + data, offset=start)
        self._pending = b""
        self._size += len(data)

    def close(self) -> None:
        self._job.send_chunk(wav_header(self._rate, self._size, self._channels), offset=0)

"""Encodes AAC and Apple Lossless by the program ffmpeg, if it is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_schema.outside import PROGRAMS
from hushd_worker.job import Job

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int16]

# An MP4 is usually finished by a seek back to its start; fragments of a second can be streamed.
_MP4 = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "1000000", "-f", "ipod")
_CODECS = {
    "m4a": ("-c:a", "aac", "-b:a", "96k", *_MP4),
    "alac": ("-c:a", "alac", *_MP4),
    "aac": ("-c:a", "aac", "-b:a", "96k", "-f", "adts"),
}
_READ = 65_536


class FfmpegEncoder:
    """An encoder in a separate process, which dies with the worker's process group."""

    def __init__(self, job: Job, rate: int, channels: int, format: str) -> None:
        """Raises HushdError `engine_missing` if ffmpeg is not installed."""
        program = shutil.which("ffmpeg")
        if program is None:
            raise HushdError(
                "engine_missing",
                f"{format} needs the program ffmpeg: {PROGRAMS['ffmpeg'].remedy()}.",
            )
        self._job = job
        self._format = format
        self._offset = 0
        self._encoded = bytearray()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [
                program, "-hide_banner", "-loglevel", "error", "-f", "s16le", "-ar", str(rate), "-ac", str(channels),
                "-i", "pipe:0", *_CODECS[format], "pipe:1",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="ffmpeg", daemon=True)
        self._reader.start()

    def write(self, samples: Integers) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(samples.tobytes())
            self._process.stdin.flush()
        except OSError as error:  # ffmpeg has ended
            raise self._failure() from error
        self._send()

    def close(self) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.close()
        except OSError as error:
            raise self._failure() from error
        self._reader.join()
        if self._process.wait():
            raise self._failure()
        self._send()
        self.abort()

    def abort(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            with contextlib.suppress(OSError):
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        while data := os.read(self._process.stdout.fileno(), _READ):
            with self._lock:
                self._encoded += data

    def _send(self) -> None:
        with self._lock:
            data, self._encoded = self._encoded, bytearray()
        if data:
            self._job.send_chunk(memoryview(data), offset=self._offset)
            self._offset += len(data)

    def _failure(self) -> HushdError:
        assert self._process.stderr
        self._process.kill()
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        why = f" ({lines[-1].rstrip('.')[:200]})" if lines else ""
        return HushdError("worker_failed", f"ffmpeg could not encode {self._format}{why}.")

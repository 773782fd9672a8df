"""Reads formats that libsndfile does not support, even the sound of videos, by the program ffmpeg.

The file may come from a stranger. ffmpeg may only open that file, and no format that refers to other files
(`ffmpeg_formats.py`); its descriptors and memory are limited, and so are the time without output and the length of its
output.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.errors import HushdError
from hushd_schema.outside import PROGRAMS

from hushd_worker_stt.engine import RATE

from .ffmpeg_formats import ALLOWED

if TYPE_CHECKING:
    from types import TracebackType

    from hushd_worker_stt.engine import Samples

_LOOK_S = 0.2  # between two checks whether the job was cancelled, while ffmpeg sends nothing
_READ = 131_072  # bytes: a second
_CHANNELS = 2  # to which more are mixed; hushd mixes the two itself, since they may cancel each other
_FRAME = 4 * _CHANNELS  # bytes
_LINE = 4096  # bytes of a line of ffmpeg's that are parsed
_DURATION = re.compile(rb"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_TRACK = re.compile(rb"Stream #0:\d++[^:]*+: Audio: ")
_LIMITED = 'ulimit -n 16; ulimit -d 2097152; exec "$@"'  # descriptors, KiB of memory; a hard limit may be lower
_PATIENCE_S = 60  # without output of ffmpeg
_SLOWEST = 20_000_000  # bytes per second; it may have to read the whole file to seek in it
_MAX_S = 6 * 3600  # of any file
_MIN_BYTE_RATE = 16  # bytes per second, which every longer recording exceeds
_REFUSED = "it is a playlist, a picture, a text or another file without a recording of its own"
_NO_TRACK = "there is no such track"
_GENERAL = re.compile(r"^(?:/dev/fd/\d+|Error opening (?:input|output)(?: files)?): ")
_LEVELLED = re.compile(r"^(?:\[[^\]]*\] )*\[(?:error|fatal|panic)\] (.*)$")


def find_ffmpeg() -> str | None:
    """Returns the path of ffmpeg; None if it is not installed."""
    return shutil.which("ffmpeg")


class Decoder:
    """A track of a file, decoded by ffmpeg; a context manager that ends the program.

    Args:
        descriptor: the file's descriptor, in which ffmpeg may seek.
        name: the file's name for errors.
        why: libsndfile's reason for refusing the file.
        start_s: the second at which to begin.
        track: the number of the sound track, from 1.
        check: raises an exception if the job is cancelled.

    Attributes:
        tracks: the number of sound tracks in the file; known once blocks have been read.
        duration: the seconds by the file's header; 0.0 until ffmpeg has printed them.
        failure: the reason for a stop before the end; known once the blocks have ended.

    Raises:
        HushdError: `input_unreadable` if ffmpeg is not installed.
    """

    def __init__(
        self, descriptor: int, name: str, why: str, start_s: float, track: int, check: Callable[[], None]
    ) -> None:
        program = find_ffmpeg()
        if program is None:
            raise HushdError(
                "input_unreadable",
                f"{name} cannot be read as audio ({why}): hushd reads WAV, FLAC, OGG, MP3 and AIFF, and with ffmpeg "
                f"installed ({PROGRAMS['ffmpeg'].remedy()}) other formats and the sound of videos.",
            )
        self._name = name
        self._check = check
        self._track = track
        self.duration = 0.0
        self.tracks = 0
        self.failure = ""
        self._said = ""
        size = os.fstat(descriptor).st_size
        self._patience = _PATIENCE_S + size / _SLOWEST
        self._max_frames = RATE * (_MAX_S + size / _MIN_BYTE_RATE)  # frames
        # In the worker's process group, so that it dies with the worker, however the worker dies.
        self._process = subprocess.Popen(
            [
                "/bin/sh", "-c", _LIMITED, "sh",
                program, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info",
                "-protocol_whitelist", "file", "-format_whitelist", ",".join(sorted(ALLOWED)),
                *(("-ss", f"{start_s:.3f}") if start_s else ()), "-i", "/dev/fd/0",
                "-map", f"0:a:{track - 1}", "-ac", str(_CHANNELS), "-ar", str(RATE), "-f", "f32le", "pipe:1",
            ],
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, name="ffmpeg", daemon=True)
        self._listener.start()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def blocks(self) -> Iterator[Samples]:
        """Yields the track, frames by channels.

        Raises:
            HushdError: `input_unreadable` if ffmpeg cannot read the file.
            Cancelled: the job was cancelled.
        """
        rest, frames = b"", 0
        while data := self._received():
            data = rest + data
            whole = len(data) // _FRAME * _FRAME
            rest = data[whole:]
            frames += whole // _FRAME
            yield np.frombuffer(data[:whole], "<f4").astype(np.float32, copy=False).reshape(-1, _CHANNELS)
            if frames > self._max_frames:
                self._stop("it is longer than a file of its size can be")
        code = self._process.wait()
        self._listener.join()
        self.failure = self.failure or (code and (self._said or f"ffmpeg ended with {code}")) or ""
        if self.failure == _NO_TRACK:
            raise self._no_track()
        if self.failure and not frames:
            raise HushdError("input_unreadable", f"{self._name} cannot be read as audio: {self.failure}.")

    def _received(self) -> bytes:
        """Returns the next bytes of the track; none at its end, or after a timeout."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            self._check()
            if select.select([pipe], [], [], _LOOK_S)[0]:
                return os.read(pipe, _READ)
        self._stop(f"ffmpeg found no sound in {self._patience:.0f} seconds")
        return b""

    def _stop(self, why: str) -> None:
        self.failure = why
        self._process.kill()

    def _no_track(self) -> HushdError:
        if self.tracks == 0:
            return HushdError("input_unreadable", f"{self._name} holds no audio.")
        number = "one audio track" if self.tracks == 1 else f"{self.tracks} audio tracks"
        return HushdError("bad_request", f"{self._name} has {number}, so audio_track cannot be {self._track}.")

    def _listen(self) -> None:
        """Reads ffmpeg's messages: the file's duration, its sound tracks, and the last error."""
        assert self._process.stderr
        of_output = False  # whether the lines are about the output
        while line := self._process.stderr.readline(_LINE):
            if not self.duration and (match := _DURATION.search(line)):
                hours, minutes, seconds = match.groups()
                self.duration = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            elif b"Output #0" in line:
                of_output = True
            elif _TRACK.search(line):
                self.tracks += not of_output
            elif match_ := _LEVELLED.match(line.decode(errors="replace").strip()):
                self._note(_GENERAL.sub("", match_[1]).rstrip("."))

    def _note(self, error: str) -> None:
        """Keeps the last error, or a specific one after which ffmpeg prints more general ones, from version 6 on
        several."""
        if error.startswith("Format not on whitelist"):
            self._said = _REFUSED
        elif "matches no streams" in error:
            self._said = _NO_TRACK
        elif self._said not in (_REFUSED, _NO_TRACK):
            self._said = f"ffmpeg says: {error}"

"""Reads a recording while it still arrives, so that its text is there soon after its last byte.

The text read ahead is a guess: only the whole file tells its length, its tracks, its tags and its damage. So all of
it is transcribed as ever, and takes from `Readings` the text of each piece that was cut alike, of the same samples.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar, cast

import soundfile
from hushd_worker.job import Cancelled, Job

from .audio.extent import Bytes
from .audio.film import Film
from .audio.inlet import Inlet, Mixdown
from .audio.recording import BLOCK_SAMPLES, Sequential, decoded, states_length
from .engine import Samples

if TYPE_CHECKING:
    from .segmentation.pieces import Piece

T = TypeVar("T")
_ARRIVING_S = 0.2  # arriving that takes longer pays for decoding and a search for speech that are done twice
_ENOUGH_BYTES = 2**14  # a recording's head, which describes it


class Readings:
    """The texts of the pieces of one recording, each read once, by whoever comes first."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Future[object]] = {}

    def of(self, piece: Piece, context: str, read: Callable[[], T]) -> T:
        """Returns what `read` returns for a piece, or raises its error; `context`: all else on which that depends."""
        samples, mine = blake2b(piece.samples.tobytes()).digest(), Future[object]()
        key = samples, piece.start, piece.speech, piece.certainty, context
        if (reading := self._known.setdefault(key, mine)) is mine:
            try:
                reading.set_result(read())
            except BaseException as error:
                reading.set_exception(error)
        return cast(T, reading.result())


class _Unheard(Job):
    """A job of which its client hears nothing, and which ends with the real one."""

    def __init__(self, job: Job) -> None:
        self._real = job
        super().__init__(job.message, lambda _: None)

    @property
    def degraded(self) -> bool:
        """True if the real one was done with less memory."""
        return self._real.degraded

    @degraded.setter
    def degraded(self, is_degraded: bool) -> None:
        self._real.degraded = is_degraded

    @property
    def cancelled(self) -> bool:
        return self._cancelled or self._real.cancelled

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled


class Ahead(AbstractContextManager["Ahead"]):
    """The recording of a job, as far as it has come; a context manager, whose end stops the reading.

    For FFmpeg's libraries it is a file in which they cannot seek, and libsndfile gets it by a pipe, of which it does
    not ask for the end.

    Args:
        hear: reads the pieces of blocks of sound, for a job, into these readings.
    """

    size = 0  # not known

    def __init__(self, job: Job, hear: Callable[[Job, Readings, Iterator[Samples]], None]) -> None:
        self.readings = Readings()
        self._job = _Unheard(job)
        self.check = self._job.check
        self._hear = hear
        self._changed = threading.Condition()
        self._since = time.monotonic()
        self._came, self._at, self._descriptor, self._has_ended = 0, 0, -1, False
        self._thread: threading.Thread | None = None

    def __exit__(self, *_: object) -> None:
        self._job.cancel()
        self.end()
        if self._thread:
            self._thread.join()
            os.close(self._descriptor)

    def add(self, descriptor: int, count: int) -> None:
        """Notes that `count` more bytes are in the file, and reads from now on if they come slowly."""
        self._note(self._came + count)
        if not self._thread and self._came >= _ENOUGH_BYTES and time.monotonic() > self._since + _ARRIVING_S:
            self._descriptor = os.dup(descriptor)
            self._thread = threading.Thread(target=self._transcribe, name="ahead", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Notes that the file is whole."""
        self._note(self._came, ended=True)

    def _note(self, came: int, *, ended: bool = False) -> None:
        with self._changed:
            self._came, self._has_ended = came, ended
            self._changed.notify_all()

    def read(self, size: int) -> bytes:
        """Returns the next bytes, one at least, for which it waits; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._came > self._at or self._has_ended or self._job.cancelled)
        self.check()
        data = os.pread(self._descriptor, min(size, self._came - self._at), self._at)
        self._at += len(data)
        return data

    def seek(self, place: int) -> None:
        self._at = place

    def _transcribe(self) -> None:
        with suppress(Exception):  # a failure comes again with the whole recording, or does not matter
            self._hear(self._job, self.readings, self._blocks())

    def _blocks(self) -> Iterator[Samples]:
        """Yields the sound in the blocks in which `Recording` has it, so that mixing and filters do the same."""
        end, entry = os.pipe()
        pump = threading.Thread(target=self._pump, args=(entry,), daemon=True)
        pump.start()
        try:
            with suppress(soundfile.SoundFileError), Sequential(end, closefd=False) as sound:
                if sound.channels <= 2 and (sound.format != "MP3" or states_length(self._descriptor)):
                    inlet, mixdown = Inlet(sound.samplerate), Mixdown()
                    frames = max(1, min(sound.samplerate, BLOCK_SAMPLES // sound.channels))
                    while len(block := sound.read(frames, dtype="float32", always_2d=True)):
                        yield inlet.push(mixdown(block))
                    yield inlet.flush()
                    return
        finally:
            os.close(end)
            pump.join()
        with Film(cast(Bytes, self), "") as film:
            yield from (samples for samples, _ in decoded(film, Mixdown(), Inlet))

    def _pump(self, entry: int) -> None:
        with suppress(OSError, Cancelled), os.fdopen(entry, "wb", buffering=0) as pipe:
            while data := self.read(_ENOUGH_BYTES):
                pipe.write(data)

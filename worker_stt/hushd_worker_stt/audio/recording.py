"""Reads audio files of any sample rate and channel count as mono at 16 kHz.

libsndfile reads WAV, FLAC, OGG, MP3 and AIFF of one or two channels; `Film` reads all else. Audio is read in blocks of
about a second, so that a file of hours takes no more memory than one of seconds. Damage at the end of a file does not
lose its beginning: `Recording.damage` reports it when the blocks have ended.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import soundfile
from hushd_protocol.errors import HushdError
from hushd_worker.media import MAX_RATE, MIN_RATE

from hushd_worker_stt.engine import RATE

from .film import Film
from .inlet import Inlet, Mixdown

if TYPE_CHECKING:
    from types import TracebackType

    from hushd_worker.job import Job

    from hushd_worker_stt.engine import Samples

_BLOCK = 2**20  # maximum samples of all channels in one read
_UNKNOWN = 2**53  # frames; libsndfile reports 2**63 - 1 if a streamed FLAC does not state its length
_PLACEHOLDER = 0x7FFF_0000  # bytes; writers that cannot seek put 0x7FFFFFFF or 0xFFFFFFFF, less a header
_SLACK = 1024  # bytes that a header may promise in excess: some writers count the header itself
_MISSING = 0.98  # of the promised frames; an MP3's header only estimates them


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read without a seek after every read, since that fails in files of unknown length."""

    def seekable(self) -> bool:
        return False


class Recording:
    """The open audio file of a job; a context manager that closes it.

    Args:
        start_s: the second at which the blocks begin.
        track: the number of the sound track to read, from 1, if a film has several.
        file: the open input, which stays open; None: it is opened here.

    Attributes:
        seconds: the position up to which the file has been read.
        damage: the error if the blocks ended before the expected end of the file; known once they have ended.
        mixdown: the mixdown of its channels.
        tracks: the number of its sound tracks; known once blocks have been read.

    Raises:
        HushdError: `input_unreadable`; the errors of `Job.open_path`; `output_failed` if a streamed file does not fit
            into the temporary folder.
    """

    def __init__(self, job: Job, start_s: float = 0.0, track: int = 1, file: BinaryIO | None = None) -> None:
        self._job = job
        self._name = job.path or "The audio sent"
        self._start = start_s
        self.seconds = start_s
        self.damage: HushdError | None = None
        self.mixdown = Mixdown()
        self._film: Film | None = None
        with ExitStack() as stack:
            descriptor = (file or stack.enter_context(open_input(job))).fileno()
            size = os.fstat(descriptor).st_size
            self._cut_off = _promised_bytes(os.pread(descriptor, 12, 0)) > size + _SLACK or is_truncated(descriptor)
            if size == 0:
                raise HushdError("input_unreadable", f"{self._name} is empty.")
            sound = self._opened(stack, descriptor)
            if sound is None:
                self._film = stack.enter_context(Film(descriptor, self._name, start_s, track, job.check))
                self._stack = stack.pop_all()
                return
            self._sound = sound
            if track > 1:
                raise HushdError("bad_request", f"{self._name} has one audio track, so audio_track cannot be {track}.")
            self._rate: int = self._sound.samplerate
            if not MIN_RATE <= self._rate <= MAX_RATE:
                raise HushdError(
                    "input_unreadable", f"{self._name} claims an impossible sample rate of {self._rate} Hz."
                )
            frames: int = self._sound.frames
            self._frames = frames if frames < _UNKNOWN else 0
            self._stack = stack.pop_all()

    @staticmethod
    def _opened(stack: ExitStack, descriptor: int) -> _Sequential | None:
        """Returns the file as libsndfile reads it; None if it cannot, or not as it is meant: it does not tell which of
        several channels is which, ends after the first of joined recordings, and takes a WAV whose recorder died before
        it set the length for an empty one."""
        try:
            # A descriptor, since through a file object libsndfile would call back into Python for every read and seek.
            sound = stack.enter_context(_Sequential(descriptor, closefd=False))
        except soundfile.SoundFileError:
            return None
        return None if sound.channels > 2 or not sound.frames or is_concatenated(descriptor) else sound

    @property
    def tracks(self) -> int:
        return self._film.tracks if self._film else 1

    @property
    def duration(self) -> float:
        """The seconds by the file's header, 0.0 if it does not state them."""
        return self._film.duration if self._film else self._frames / self._rate

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def blocks(self) -> Iterator[Samples]:
        """Yields the recording from `start_s` on, once; nothing if it is shorter.

        Raises:
            HushdError: `input_unreadable` if it has no samples at all.
            Cancelled: the job was cancelled.
        """
        return self._decoded(self._film) if self._film else self._read()

    def _decoded(self, film: Film) -> Iterator[Samples]:
        inlet, rate = Inlet(RATE), RATE
        for samples, own_rate, layout in film.blocks():
            if own_rate != rate:  # at the first block, and in few recordings later
                yield inlet.flush()
                inlet, rate = Inlet(own_rate), own_rate
            self.seconds += len(samples) / rate
            yield inlet.push(self.mixdown(samples, layout))
        yield inlet.flush()
        self._judge(film.failure != "" or self._cut_off, empty=self.seconds == self._start == 0, why=film.failure)

    def _read(self) -> Iterator[Samples]:
        inlet = Inlet(self._rate)
        frames = max(1, min(self._rate, _BLOCK // self._sound.channels))
        first = round(self._start * self._rate)
        done, broken = self._seek(first), False
        while True:
            self._job.check()
            left = self._frames - done
            try:
                # Not more than there are: at a following tag, a decoder would lose the samples before it.
                block = self._sound.read(min(frames, left) if left > 0 else frames, dtype="float32", always_2d=True)
            except soundfile.SoundFileError:
                broken = left != 0 or not self._frames
                break
            if len(block) == 0:
                break
            skipped = min(max(0, first - done), len(block))
            done += len(block)
            if skipped < len(block):
                self.seconds = done / self._rate
                yield inlet.push(self.mixdown(block[skipped:]))
        yield inlet.flush()
        lost = broken or self._cut_off or done < _MISSING * self._frames
        self._judge(lost, empty=done == 0)

    def _seek(self, frame: int) -> int:
        """Seeks to `frame` if the file supports it; returns the frame that will be read next."""
        if frame == 0 or frame >= self._frames:
            return 0
        try:
            at: int = self._sound.seek(frame)
        except soundfile.SoundFileError:
            at = 0
        return at

    def _judge(self, broken: bool, *, empty: bool, why: str = "") -> None:
        """Sets `damage` if the file is `broken`; raises an error if nothing could be read."""
        if broken:
            self.damage = HushdError(
                "input_unreadable",
                f"{self._name} is cut off or damaged{f' ({why})' if why else ''}: only its first {self.seconds:.1f} "
                "seconds could be read.",
                detail={"read_s": round(self.seconds, 3)},
            )
        if empty:
            raise self.damage or HushdError("input_unreadable", f"{self._name} holds no audio.")


def open_input(job: Job) -> BinaryIO:
    """Opens the job's input: the file that it names, or an unlinked file to which a stream is spooled."""
    if job.input == "path":
        return open(job.open_path(), "rb", buffering=0)
    spool = Spool()
    try:
        for piece in job.read():
            spool.write(piece)
        os.lseek(spool.file.fileno(), 0, os.SEEK_SET)
    except BaseException:
        spool.file.close()
        raise
    return cast(BinaryIO, spool.file)


def _promised_bytes(head: bytes) -> int:
    """Returns the file size by the first 12 bytes of a WAV, AVI or AIFF, 0 if they do not state it."""
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "):
        size = int.from_bytes(head[4:8], "little")
    elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        size = int.from_bytes(head[4:8], "big")
    else:
        return 0
    return size + 8 if size < _PLACEHOLDER else 0


_PAGE = 65_307  # maximum bytes of an OGG page
_FRAME = 2_000  # bytes of an MP3's first frame, which states the number of following frames and bytes
_TAGS = 20_000  # bytes of tags that may follow the audio


def is_concatenated(descriptor: int) -> bool:
    """Returns whether a file is an OGG whose last stream is not its first, or an MP3 that is longer than its first
    frame states."""
    head, size = os.pread(descriptor, _PAGE, 0), os.fstat(descriptor).st_size
    if head[:4] == b"OggS":
        page = _last_page(descriptor, size)
        return page[:4] == b"OggS" and len(page) > 26 and page[14:18] != head[14:18]  # the stream's serial number
    start = 0
    if head[:3] == b"ID3" and len(head) > 9:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    frame = os.pread(descriptor, _FRAME, start)
    if frame[:1] != b"\xff":
        return False
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or len(frame) < place + 16 or frame[place + 7] & 3 != 3:  # the frame states both frames and bytes
        return False
    promised = int.from_bytes(frame[place + 12 : place + 16], "big")
    return 0 < promised < size - start - _TAGS


def is_truncated(descriptor: int) -> bool:
    """Returns whether a file is an OGG that ends inside a page; libsndfile then ends with the page before, without an
    error."""
    if os.pread(descriptor, 4, 0) != b"OggS":
        return False
    page = _last_page(descriptor, os.fstat(descriptor).st_size)
    if len(page) < 27:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _last_page(descriptor: int, size: int) -> bytes:
    """Returns the last page of an OGG, which may be incomplete, and the bytes after it."""
    tail = os.pread(descriptor, _PAGE, max(0, size - _PAGE))
    return tail[max(0, tail.rfind(b"OggS")) :]


class Spool:
    """A file without a name, which its `file` reads; `close` removes it.

    Raises:
        HushdError: from every method: `output_failed` if the temporary folder has no room.
    """

    def __init__(self) -> None:
        with _reported():
            # Unbuffered, since with a buffer the error of a full disk could come as late as the close.
            self.file: IO[bytes] = tempfile.TemporaryFile(prefix="hushd-", buffering=0)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        """Appends `data`."""
        view = memoryview(data)
        with _reported():
            while view:
                view = view[self.file.write(view) :]


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HushdError(
            "output_failed",
            f"The audio does not fit into {tempfile.tempdir or 'the temporary folder'} ({error.strerror}): "
            "make room, or set TMPDIR.",
        ) from error

"""Reads audio files of any sample rate and channel count as mono at 16 kHz.

libsndfile reads WAV, FLAC, OGG, MP3 and AIFF of one or two channels; `Film` reads all else, and what is left where
libsndfile ends before the file does. Audio is read in blocks of about a second, so that a file of hours takes no more
memory than one of seconds. What is whole of a damaged file is read, and `Recording.damage` says what is not.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import pairwise
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np
import soundfile
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_worker.media import MAX_RATE, MIN_RATE

from hushd_worker_stt.engine import RATE, Samples

from . import kinds
from .extent import HEAD_BYTES, Bytes, size_by_header
from .film import Film
from .inlet import Inlet, Mixdown, sane
from .level import level

if TYPE_CHECKING:
    from hushd_worker.job import Job


BLOCK_SAMPLES = 2**20  # maximum samples of all channels in one read
_UNKNOWN_FRAMES = 2**53  # frames; libsndfile reports 2**63 - 1 if a streamed FLAC does not state its length
_SLACK = 1024  # bytes that a header may promise in excess: some writers count the header itself
_MISSING = 0.98  # share of the promised frames
_TAGS = 4_000  # bytes of tags that may follow the sound
_MORE_S = 0.1  # seconds of sound by which two decoders may differ
_END_S = 1.0  # seconds of sound behind a damage, from which on it is one of the middle
_MP3_FRAME_BYTES = 2_000  # bytes of an MP3's first frame
_SEARCHED_BYTES = 2**16  # bytes that are searched at once for an OGG's next page
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # bytes of the longest page
_SCALE_BLOCKS = 60  # blocks of a second in which floats show how large they are
_LARGEST_FLOAT = 16.0  # the level of floats, 24 dB too loud, from which on they are integers
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # each byte, its last bit first
_OGG_HEAD_BYTES = 27  # bytes of an OGG page before the sizes of its parts, the last of which is their number


class Sequential(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read without a seek after every read, since that fails in files of unknown length."""

    def seekable(self) -> bool:
        return False


class Recording(AbstractContextManager["Recording"]):
    """The open audio file of a job; a context manager that closes it. Raises `input_unreadable`; the errors of
    `Job.open_file`; `output_failed` if a streamed file does not fit into the temporary folder.

    Args:
        start_s: the second at which the blocks begin.
        track: the number of the sound track to read, from 1, if a film has several; 0: the best one.
        file: the open input, which stays open; None: it is opened here.
        mixdown: of its channels; None: a new one.
        inlet: makes what resamples the mixed blocks.

    Attributes:
        seconds: the position up to which the file has been read.
        damage: what could not be read, the rest of a sentence about the recording, such as `is cut off or damaged: only
            its first 6.2 seconds could be read.`; empty for a whole one, and until the blocks have ended.
        mixdown: the mixdown of its channels.
        duration: the seconds by the file's header, 0.0 if it does not state them.
        tracks, track: its sound tracks, and the number of the one that is read, as `Film` has them.
    """

    def __init__(
        self,
        job: Job,
        start_s: float = 0.0,
        track: int = 0,
        file: BinaryIO | None = None,
        language: str = "",
        mixdown: Mixdown | None = None,
        inlet: Callable[[int], Inlet] = Inlet,
    ) -> None:
        self._job = job
        self._name = job.path or "The audio sent"
        self._start = start_s
        self.seconds = start_s
        self.damage = ""
        self.mixdown = mixdown or Mixdown()
        self._inlet = inlet
        self._film: Film | None = None
        self.tracks, self.track = {1: ""}, 1
        with ExitStack() as stack:
            descriptor = self._descriptor = (file or stack.enter_context(open_input(job))).fileno()
            size = os.fstat(descriptor).st_size
            if size == 0:
                raise HushdError("input_unreadable", f"{self._name} is empty.")
            self._links, ends_within, self._torn = ogg_links(descriptor)
            self._cut_off = ends_within or size_by_header(os.pread(descriptor, HEAD_BYTES, 0)) > size + _SLACK
            form = kinds.bare(job.path or "", os.pread(descriptor, kinds.HEAD_BYTES, 0))
            sound = None if self._links or form else self._opened(stack, descriptor)
            if sound is None:
                parts: list[tuple[int, int] | None] = [*self._links] or [None]
                self._lost = 0  # links at the beginning that cannot be opened
                while self._film is None:
                    source = Bytes(descriptor, job.check, part := parts.pop(0))
                    try:
                        self._film = stack.enter_context(Film(source, self._name, start_s, track, language, form))
                    except HushdError:
                        if not parts:
                            raise
                        self._lost += 1
                film, self._links = self._film, cast("list[tuple[int, int]]", parts)
                self.tracks, self.track, self.duration = film.tracks, film.track, 0.0 if part else film.duration
                self._stack = stack.pop_all()
                return
            self._sound = sound
            if track > 1:
                raise HushdError("bad_request", f"{self._name} has one audio track, so audio_track cannot be {track}.")
            self._rate: int = self._sound.samplerate
            frames: int = self._sound.frames
            self._frames = frames if frames < _UNKNOWN_FRAMES else 0
            self.duration = self._frames / self._rate
            self._stack = stack.pop_all()

    @staticmethod
    def _opened(stack: ExitStack, descriptor: int) -> Sequential | None:
        """Returns the file as libsndfile reads it; None if it cannot, or not as it is meant: it does not tell which of
        several channels is which, guesses the length of an MP3 that does not state it, and takes a WAV whose recorder
        died before it set the length for an empty one."""
        try:
            # A descriptor, since through a file object libsndfile would call back into Python for every read and seek.
            sound = stack.enter_context(Sequential(descriptor, closefd=False))
        except soundfile.SoundFileError:
            return None
        guessed = sound.format == "MP3" and not states_length(descriptor)
        known = sound.channels <= 2 and sound.frames and MIN_RATE <= sound.samplerate <= MAX_RATE
        return sound if known and not guessed else None

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def blocks(self) -> Iterator[Samples]:
        """Yields the recording from `start_s` on, once; nothing if it is shorter.

        Raises:
            HushdError: `input_unreadable` if it has no samples at all.
            Cancelled: the job was cancelled.
        """
        return self._filmed(self._film) if self._film else self._read()

    def _filmed(self, film: Film) -> Iterator[Samples]:
        end_s, why, gaps, is_lost = 0.0, "", [0.0] * self._lost, False
        for part in (None, *self._links):
            try:
                with self._film_at(max(0.0, self._start - end_s), part) if part else nullcontext(film) as link:
                    yield from self._decoded(link)
                    gaps += [] if link.gap_s is None else [end_s + link.gap_s]
                    end_s, why, is_lost = end_s + link.seconds, why or link.failure, False
            except HushdError:
                if not self._links:
                    raise
                gaps.append(end_s)
                is_lost = True
        is_short = is_lost or why != "" or self._cut_off
        self._judge(is_short, empty=self.seconds == self._start == 0, why=why, gaps=gaps[: -1 if is_lost else None])

    def _film_at(self, start_s: float, part: tuple[int, int] | None = None) -> Film:
        return Film(Bytes(self._descriptor, self._job.check, part), self._name, start_s)

    def _decoded(self, film: Film) -> Iterator[Samples]:
        for samples, seconds in decoded(film, self.mixdown, self._inlet):
            self.seconds += seconds
            yield samples

    def _read(self) -> Iterator[Samples]:
        inlet = self._inlet(self._rate)
        frames = max(1, min(self._rate, BLOCK_SAMPLES // self._sound.channels))
        first = round(self._start * self._rate)
        scale, broken = self._scale(frames), False
        done = self._seek(first)
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
                yield inlet.push(self.mixdown(block[skipped:] * scale))
        yield inlet.flush()
        end_s, before_s, why = done / self._rate, self.seconds, ""
        left = os.fstat(self._descriptor).st_size - os.lseek(self._descriptor, 0, os.SEEK_CUR)
        if broken or (self._sound.format in ("FLAC", "MP3") and left > _TAGS):
            try:
                with self._film_at(max(self._start, end_s)) as film:
                    yield from self._decoded(film)
                    if self.seconds > before_s + _MORE_S:
                        end_s, why = self.seconds, film.failure
            except HushdError:  # the rest cannot be opened
                broken = True
        is_short = self._cut_off or why != "" or end_s < _MISSING * self.duration
        # libsndfile fails at the end of an Opus whose last page does not say that it is the last.
        broken = broken and not (self._sound.format == "OGG" and self.duration - _MORE_S < end_s)
        gaps = [before_s] if broken and (not is_short or self.seconds > before_s + _END_S) else []
        self._judge(is_short, empty=end_s == 0, why=why, gaps=gaps)

    def _scale(self, frames: int) -> np.float32:
        """Returns the factor that brings the samples to full scale at 1: floats may be as large as 16-bit integers."""
        factor = np.float32(1.0)
        if self._sound.subtype in ("FLOAT", "DOUBLE"):
            for _ in range(_SCALE_BLOCKS):
                block = self._sound.read(frames, dtype="float32", always_2d=True)
                if len(block) == 0 or level(sane(block).max(axis=1)) > _LARGEST_FLOAT:
                    factor = np.float32(1 / 32768) if len(block) else factor
                    break
            self._sound.seek(0)
        return factor

    def _seek(self, frame: int) -> int:
        """Seeks to `frame` if the file supports it; returns the frame that will be read next."""
        if frame == 0 or frame >= self._frames:
            return 0
        try:
            at: int = self._sound.seek(frame)
        except soundfile.SoundFileError:
            at = 0
        return at

    def _judge(self, is_short: bool, *, empty: bool, why: str = "", gaps: Sequence[float] = ()) -> None:
        """Sets `damage` if the end of the file is missing, or parts near the seconds `gaps`; raises an error if it has
        no sound."""
        gap = f" near {gaps[0]:.1f} s" if gaps else ""
        if is_short:
            also = f", and words may be missing{gap}" if gap or self._torn else ""
            what = f"is cut off or damaged{f' ({why})' if why else ''}: only its first"
            self.damage = f"{what} {self.seconds:.1f} seconds could be read{also}."
        elif gap or self._torn:
            what = f"is damaged{gap}, and words may be missing there" if gap else "is damaged, and words may be missing"
            self.damage = f"{what}: the rest of its {self.seconds:.1f} seconds could be read."
        if empty:
            raise HushdError("input_unreadable", f"{self._name} {self.damage or 'holds no audio.'}")


def decoded(film: Film, mixdown: Mixdown, make_inlet: Callable[[int], Inlet]) -> Iterator[tuple[Samples, float]]:
    """Yields a film's blocks as mono at 16 kHz, each with its seconds."""
    inlet, rate = make_inlet(RATE), RATE
    for samples, own_rate, layout in film.blocks():
        if own_rate != rate:  # the first block, and few later ones in few recordings, set the rate
            yield inlet.flush(), 0.0
            inlet, rate = make_inlet(own_rate), own_rate
        yield inlet.push(mixdown(samples, layout)), len(samples) / rate
    yield inlet.flush(), 0.0


class Arrival(Protocol):
    """Something that is told what has come of a stream."""

    def add(self, descriptor: int, count: int) -> None: ...
    def end(self) -> None: ...


def open_input(job: Job, ahead: Arrival | None = None) -> BinaryIO:
    """Opens the job's input: the file that it names, or an unlinked file to which a stream is spooled.
    `ahead`: told what has come of a stream."""
    if job.input == "path":
        return job.open_file()
    spool = Spool()
    try:
        for piece in job.read():
            spool.write(piece)
            if ahead:
                ahead.add(spool.file.fileno(), len(piece))
        if ahead:
            ahead.end()
        os.lseek(spool.file.fileno(), 0, os.SEEK_SET)
    except BaseException:
        spool.file.close()
        raise
    return cast(BinaryIO, spool.file)


def states_length(descriptor: int) -> bool:
    """Returns whether an MP3's first frame states the number of its frames."""
    head, start = os.pread(descriptor, 10, 0), 0
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    frame = os.pread(descriptor, _MP3_FRAME_BYTES, start)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    return frame[:1] == b"\xff" and 0 <= place < len(frame) - 8 and frame[place + 7] & 1 == 1


def ogg_links(descriptor: int) -> tuple[list[tuple[int, int]], bool, bool]:
    """Returns where each of several OGGs in one file begins and ends, nothing if there are no several; whether the file
    ends within a page; and whether a page is damaged, or something else stands between pages or behind them: libsndfile
    passes over that, and ends with the first OGG, or with the page before, without an error."""
    at, size, begins, is_torn, starts = 0, os.fstat(descriptor).st_size, False, False, []
    while True:
        page = os.pread(descriptor, _OGG_PAGE_BYTES, at)
        if page[:4] == b"OggS" and len(page) >= _OGG_HEAD_BYTES:
            begun, begins = begins, page[5] & 2 == 2
            if begins and not begun:  # a recording's tracks begin together
                starts.append(at)
            length = _OGG_HEAD_BYTES + page[26] + sum(page[_OGG_HEAD_BYTES : _OGG_HEAD_BYTES + page[26]])
            is_torn = is_torn or (length <= len(page) and not _is_whole(page[:length]))
            at += length
        elif starts and at < size and page[:4] != b"OggS":
            ahead = _next_page(descriptor, at)
            is_torn = is_torn or ahead < size or size - at > _TAGS
            at = ahead
        else:
            break
    links = list(pairwise([*starts, min(at, size)]))
    return links if len(links) > 1 else [], at > size or page[:4] == b"OggS", is_torn


def _is_whole(page: bytes) -> bool:
    """Returns whether an OGG's page has its checksum: zlib's, but for the order of bits and the first value."""
    bare = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(bare.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2) == int.from_bytes(page[22:26], "little")


def _next_page(descriptor: int, at: int) -> int:
    """Returns where the next page of an OGG begins, or else the end of the file."""
    while block := os.pread(descriptor, _SEARCHED_BYTES, at):
        if (ahead := block.find(b"OggS")) >= 0:
            return at + ahead
        at += max(1, len(block) - 3)  # the mark may begin in this block
    return at


class Spool:
    """A file without a name, which its `file` reads; `close` removes it. Raises `output_failed`, from every
    method, if the temporary folder has no room."""

    def __init__(self) -> None:
        with _reported():
            # Unbuffered, since with a buffer the error of a full disk could come as late as the close.
            self.file: IO[bytes] = tempfile.TemporaryFile(prefix="hushd-", buffering=0)  # noqa: SIM115

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        with _reported():
            while view:
                view = view[self.file.write(view) :]


def _reported() -> AbstractContextManager[None]:
    what = f"The audio does not fit into {tempfile.tempdir or 'the temporary folder'}"
    return os_errors_as("output_failed", what, "make room, or set TMPDIR")

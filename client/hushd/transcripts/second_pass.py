"""The second pass of a live session: a larger model reads its sound once more, behind the draft, on a thread.

The sound is kept for that, and no longer: 8 MB of it in memory, what is more in a file that nobody else can open. The
session goes on as it is whatever becomes of the copy.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.errors import BUSY, HushdError
from hushd_schema.sound_file import wav_header

from . import precedence
from .second_pass_plan import Each, Revision, SecondPassPlan, Stretch, revised

if TYPE_CHECKING:
    from .segment import Segment
    from .transcript import Transcript

MEMORY = 8 * 1024 * 1024  # bytes of sound that are kept in memory: four minutes at 16 kHz
MAX_BYTES = 1 << 30  # bytes of it in all: nine hours
_BLOCK = 1 << 16
_AGAIN_S = 5.0  # after the session's end, between two requests for which there is no memory
_PATIENCE_S = 600.0  # of those

PRIORITY = "progress"  # the lowest: nobody waits for it


class Reading(Protocol):
    """A transcription under way."""

    def transcript(self) -> Transcript:
        """Waits for its text."""

    def close(self) -> None:
        """Cancels the request."""


Transcribe = Callable[[Iterable[bytes]], Reading]
OnRevised = Callable[[Revision], object]


def follow(
    transcribe: Callable[..., Reading],
    model: str,
    rate: int,
    channels: int,
    options: Mapping[str, Any],
    on_revised: OnRevised | None,
    each: Each,
    *,
    echo: bool,
    until: str | None = None,
) -> SecondPass:
    """Returns the second pass of a session that is about to begin, by `model`, with the session's options.

    Args:
        transcribe: `Client.transcribe_stream`.

    Raises:
        HushdError: `bad_request` with `echo`: the loudspeaker is taken out of the sound by the session itself; with
            `until`: only the session leaves the end word out; and with `diarize`, unless all of the session is read at
            once.
    """
    if echo:
        raise HushdError(
            "bad_request", "A second pass is made of the sound as it was recorded: leave out second_pass, or echo."
        )
    if until:
        raise HushdError("bad_request", "A second pass would have the end word in it: leave out second_pass, or until.")
    if options.get("diarize") and each != "session":
        raise HushdError(
            "bad_request", "Speakers are not told apart utterance by utterance: second_pass_each must be session."
        )

    def read(wav: Iterable[bytes]) -> Reading:
        return transcribe(wav, model=model, priority=PRIORITY, **options)

    return SecondPass(read, Sound(rate, channels), on_revised, each)


class Sound:
    """The s16le samples of a session that are still needed."""

    def __init__(self, rate: int, channels: int = 1) -> None:
        self.rate, self.channels = rate, channels
        self._width = 2 * channels
        self._guard = threading.Lock()
        self._file = SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - closed by `close`
        self._begins = 0  # bytes of the session before those that are kept
        self._size = 0  # bytes that are kept

    @property
    def seconds(self) -> float:
        """Seconds of the session so far."""
        return (self._begins + self._size) / (self._width * self.rate)

    def add(self, samples: bytes) -> None:
        """Keeps the next samples.

        Raises:
            OSError: there is no room for them; later ones are not kept either.
        """
        with self._guard:
            if self._file.closed:
                return
            if self._size + len(samples) > MAX_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            self._file.seek(self._size)
            self._size += self._file.write(samples)

    def forget(self, before_s: float) -> None:
        """Drops the sound before the second `before_s`, once there is much of it."""
        with self._guard:
            drop = self._place(before_s)
            if drop < MEMORY / 2 or drop < self._size / 2:
                return
            fresh: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(MEMORY)  # noqa: SIM115 - as above
            try:
                self._file.seek(drop)
                while block := self._file.read(_BLOCK):
                    fresh.write(block)
            except OSError:
                with suppress(OSError):
                    fresh.close()
                raise
            with suppress(OSError):
                self._file.close()
            self._file, self._begins, self._size = fresh, self._begins + drop, self._size - drop

    def wav(self, start_s: float, end_s: float) -> Iterator[bytes]:
        """Yields a WAV file of the sound between two seconds."""
        start, end = self._place(start_s), self._place(end_s)
        yield wav_header(self.rate, end - start, self.channels)
        position, end = self._begins + start, self._begins + end
        while position < end:
            with self._guard:
                if self._file.closed:
                    return
                self._file.seek(position - self._begins)
                block = self._file.read(min(_BLOCK, end - position))
            position += len(block)
            yield block

    def close(self) -> None:
        with self._guard, suppress(OSError):  # a full disk may tell so only now, of what nobody needs any more
            self._file.close()

    def _place(self, seconds: float) -> int:
        """The byte of the file at which a second of the session begins."""
        byte = round(seconds * self.rate) * self._width - self._begins
        return min(max(0, byte), self._size)


class SecondPass:
    """Follows one session of live transcription.

    Args:
        transcribe: begins to read a WAV file with the larger model.
        on_revised: called, on a thread, with each revision.
        each: what is read at once: each utterance when it has ended, or the whole session.

    Attributes:
        revisions: those there are so far.
    """

    def __init__(self, transcribe: Transcribe, sound: Sound, on_revised: OnRevised | None, each: Each) -> None:
        self._transcribe = transcribe
        self._sound = sound
        self._on_revised = on_revised
        self._plan = SecondPassPlan(each)
        self._changed = threading.Condition()
        self._drafts: list[Segment] = []
        self._closed = self._done = False
        self._under_way = False  # a stretch is read, or is about to be
        self._waits = self._interrupted = False  # for a live session; and its reading was ended for that
        self._reading: Reading | None = None
        self._error: BaseException | None = None
        self.revisions: tuple[Revision, ...] = ()
        precedence.register(self)
        threading.Thread(target=self._work, name="hushd-second-pass", daemon=True).start()

    def hear(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the session's sound, and keeps it."""
        for chunk in chunks:
            self.add(chunk)
            yield chunk

    def add(self, samples: bytes) -> None:
        """Keeps the next samples of the session; where there is no room for them the copy ends, and the draft stays."""
        try:
            self._sound.add(samples)
        except OSError as error:
            self._error = _no_room(error)
            self.close()

    def segment(self, segment: Segment) -> None:
        """Takes a segment of the draft."""
        with self._changed:
            self._drafts.append(segment)
            self._plan.segment(segment)

    def ended(self) -> None:
        """Takes the end of an utterance."""
        self._tell(lambda: self._plan.ended(self._sound.seconds))

    def end(self) -> None:
        """Takes the end of the session; more than once does nothing."""
        self._tell(lambda: self._plan.end(self._sound.seconds))

    def close(self) -> None:
        """Ends it; the rest of the draft stays as it is."""

        def leave() -> None:
            self._closed = True

        self._tell(leave)
        if (reading := self._reading) is not None:
            reading.close()

    def give_way(self) -> bool:
        """Ends the reading under way, and begins it anew after `go_on`; returns whether there is one."""

        def stop() -> None:
            self._waits = self._interrupted = self._under_way

        self._tell(stop)
        if self._waits and (reading := self._reading) is not None:
            reading.close()
        return self._waits

    def go_on(self) -> None:
        """Reads again."""

        def resume() -> None:
            self._waits = False

        self._tell(resume)

    def wait(self) -> tuple[Segment, ...]:
        """Waits until all is read; returns the segments of the session in their last version.

        Raises:
            HushdError: what kept the larger model from reading; `segments` has what was revised before that.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._closed)
        if self._error is not None:
            raise self._error
        return self.segments

    @property
    def over(self) -> bool:
        """True once nothing more comes of it."""
        return self._done

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the session, as far as they are revised."""
        with self._changed:
            return revised(tuple(self._drafts), self.revisions)

    def _tell(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:
            self._error = self._error or (_no_room(error) if isinstance(error, OSError) else error)
        finally:
            self._sound.close()
            with self._changed:
                self._done = True
                self._changed.notify_all()

    def _step(self) -> bool:
        """Reads the next stretch, once there is one; returns whether more may come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (not self._waits and self._due()))
            stretch = None if self._closed else self._plan.next()
            self._under_way, self._interrupted = stretch is not None, False
        if stretch is None:
            return False
        try:
            transcript = self._patiently(lambda: self._read(stretch))
        except HushdError as error:
            if not (error.retryable or self._closed):
                raise
            with self._changed:
                self._error = self._error or (None if self._closed else error)
                self._plan.skip(stretch)
                return not self._closed
        finally:
            self._under_way = False
        if transcript is None:
            return not self._closed
        with self._changed:
            revision = self._plan.read(stretch, transcript.segments)
            self.revisions += (revision,)
            self._sound.forget(self._plan.needed_s(self._sound.seconds))
        if self._on_revised:
            self._on_revised(revision)
        return True

    def _due(self) -> bool:
        return self._plan.over or self._plan.next() is not None

    def _read(self, stretch: Stretch) -> Transcript:
        self._reading = self._transcribe(self._sound.wav(stretch.start, stretch.end))
        if self._closed or self._interrupted:
            self._reading.close()
        return self._reading.transcript()

    def _patiently(self, transcribe: Callable[[], Transcript]) -> Transcript | None:
        """A transcript; None where there is no memory for it before the session's end, or it was closed."""
        waited = 0.0
        while True:
            try:
                return transcribe()
            except HushdError as error:
                if self._gave_way():
                    continue
                if error.code not in BUSY or waited > _PATIENCE_S:
                    raise
                pause_s = (error.retry_after_ms or 1000 * _AGAIN_S) / 1000
            with self._changed:
                if not self._plan.over:
                    self._plan.busy()
                    return None
                if self._changed.wait_for(lambda: self._closed, pause_s):
                    return None
            waited += pause_s

    def _gave_way(self) -> bool:
        """Returns whether a reading has failed because it gave way, once it may be begun again."""
        with self._changed:
            interrupted, self._interrupted = self._interrupted, False
            self._changed.wait_for(lambda: self._closed or not self._waits)
            return interrupted and not self._closed


def _no_room(error: OSError) -> HushdError:
    return HushdError(
        "output_failed", f"There is no room for the sound of the second pass ({error.strerror}): the draft stays."
    )

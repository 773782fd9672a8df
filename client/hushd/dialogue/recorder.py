"""The microphone of a conversation, which stays open between two of its turns, so that no word is lost there.

A turn ends when a person has paused for long enough. They may go on while the worker reports that, while a program
thinks, and while the next turn begins: the next turn begins with what was recorded meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd.audio.microphone import Microphone

    from .duplex import Duplex

LINGER_S = 3.0  # after a turn; then nobody is recorded any more
KEPT_S = 5.0  # of samples that were read
LEAD_S = 0.64  # before the end of a turn, as the worker keeps within a session
LEAD_SHARE = 0.75  # of the silence that ends a turn, where that is less
RATE = 24000  # Hz, of what is played and of what is recorded beside it
CHUNK_S = 0.032  # what the voice detector judges at once


class Tape:
    """The recording of one opened microphone, read by one turn after the other.

    Several threads may read at once: that of the last turn may still wait for a chunk that belongs to the next turn.
    """

    def __init__(self, microphone: Microphone, muted: bool) -> None:
        self._microphone = microphone
        self._muted = muted
        self._frame = 2 * microphone.channels  # bytes
        self._kept = round(KEPT_S * microphone.rate) * self._frame
        self._lock = threading.Lock()  # of the samples, and of the right to wait for more
        self._samples = bytearray()
        self._origin = 0  # bytes that were recorded before them
        self._begin = 0  # where a turn begins
        self._closed = False
        self._failure: HushdError | None = None
        self.rate = microphone.rate
        self.channels = microphone.channels
        self.reference = microphone.reference

    def read(self) -> Iterator[bytes]:
        """Returns an iterator over the samples of this turn, from its beginning on."""
        return self._read(self._begin)

    def mute(self) -> None:
        """Forgets what was recorded, and records nothing until `unmute`."""
        self._microphone.mute()
        self._muted = True
        self._begin = self._end

    def unmute(self) -> None:
        """Records from now on. Safe to call twice."""
        if self._muted:
            self._begin = self._end
            self._muted = False
            self._microphone.unmute()

    def go_on_at(self, seconds: float, silence_s: float) -> None:
        """The next turn begins where this one ended, `seconds` after its beginning, behind a silence.

        A little before that, in the silence: there the next utterance may have begun softly.
        """
        lead = min(LEAD_S, LEAD_SHARE * silence_s)
        self._begin = min(self._end, self._begin + max(0, round((seconds - lead) * self.rate)) * self._frame)

    def go_back(self, seconds: float) -> None:
        """The next turn begins so many seconds ago, but not before this one did."""
        self._begin = max(self._begin, self._end - round(seconds * self.rate) * self._frame)

    def close(self) -> None:
        """Ends the recording, and what reads it."""
        self._closed = True
        self._microphone.close()

    @property
    def _end(self) -> int:
        return self._origin + len(self._samples)

    def _read(self, position: int) -> Iterator[bytes]:
        while chunk := self._after(position):
            position = max(position, self._origin) + len(chunk)
            yield chunk

    def _after(self, position: int) -> bytes:
        """Returns what was recorded after `position`, waiting for it; nothing once the microphone was closed."""
        with self._lock:
            if position >= self._end:
                self._samples += self._next()
            if len(self._samples) > 2 * self._kept:
                surplus = len(self._samples) - self._kept
                del self._samples[:surplus]
                self._origin += surplus
            return bytes(self._samples[max(0, position - self._origin) :])

    def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            return b""
        try:
            return next(self._microphone, b"")
        except HushdError as error:
            self._failure = error
            raise


class Recorder:
    """Opens the microphone when a turn needs it, and closes it when none has needed it for `LINGER_S`.

    Where it may listen while something is played, one opening serves turns with and without speech, so that none loses
    anything: at the loudspeaker's rate, and with the echo reference where its echo is to be removed.

    Args:
        duplex: whether it may listen while something is played.
        device: see `Microphone`.
        lingers: asked at the end of a turn whether it stays open for that time, or closes at once.
    """

    def __init__(self, duplex: Duplex, device: str | int | None, lingers: Callable[[], bool]) -> None:
        self._duplex = duplex
        self._device = device
        self._lingers = lingers
        self._lock = threading.Lock()
        self._tape: Tape | None = None
        self._timer: threading.Timer | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps the microphone open, if it is, to the end of the block and for a while after it."""
        with self._lock:
            self._cancel_timer()
        try:
            yield
        finally:
            if self._tape is None or not self._lingers():
                self.close()
            else:
                self._start_timer()

    def tape(self, muted: bool = False) -> Tape:
        """Returns the tape of a turn, having opened the microphone if need be; muted, it begins with `unmute`.

        Raises:
            HushdError: `no_device` when there is no microphone.
        """
        if self._tape is None:
            self._tape = Tape(self._open(muted), muted)
        elif muted:
            self._tape.mute()
        return self._tape

    def forget(self) -> None:
        """Throws away what was recorded until now, and records nothing until the next turn listens."""
        if self._tape is not None:
            self._tape.mute()

    def close(self) -> None:
        """Closes the microphone. Safe to call twice, and from any thread."""
        with self._lock:
            self._cancel_timer()
            tape, self._tape = self._tape, None
        if tape is not None:
            tape.close()

    def _open(self, muted: bool) -> Microphone:
        from hushd.audio.microphone import Microphone

        if self._duplex.mode == "half":
            return Microphone(self._device, muted=muted)
        from hushd.audio.echo_reference import EchoReference

        reference = EchoReference(RATE) if self._duplex.mode == "auto" else None
        return Microphone(self._device, muted=muted, rate=RATE, chunk_s=CHUNK_S, reference=reference)

    def _start_timer(self) -> None:
        with self._lock:
            self._timer = threading.Timer(LINGER_S, lambda: self._expire(timer))
            timer = self._timer
            timer.daemon = True
            timer.start()

    def _expire(self, timer: threading.Timer) -> None:
        with self._lock:
            if self._timer is not timer:
                return  # the next turn was quicker
            self._timer = None
            tape, self._tape = self._tape, None
        if tape is not None:
            tape.close()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

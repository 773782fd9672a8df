"""The microphone of a conversation, which stays open between its turns, so that no word is lost there; the
transcription of a turn on a thread of its own; and whether it can listen while something is played.

A turn ends when a person has paused for long enough. They may go on while the worker reports that, while a program
thinks, and while the next turn begins: the next turn begins with what was recorded meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from hushd_protocol.errors import HushdError

from hushd.audio.recording import Recording
from hushd.dialogue.exchange import Event

if TYPE_CHECKING:
    from hushd_schema.results import LiveEvent, OnEvent

    from hushd.audio.microphone import Microphone
    from hushd.transcripts.transcript import Transcript, Transcription

Mode = Literal["auto", "half", "headphones"]

MODES = ("auto", "half", "headphones")
TELLING_S = 1.5  # of speech, during which a person may have tried to interrupt
HALF_DUPLEX = (
    "Half duplex: the microphone hears what the loudspeaker says, so it counts only while that is silent. "
    "With headphones, or a microphone with echo cancellation, you may interrupt."
)
ASK_S = 1.0  # for the sound server's answer
_USUAL = ("", "default", "pulse", "pipewire")  # devices behind which a sound server chooses


class Duplex:
    """The mode of a conversation.

    Args:
        mode: as the user has set it.
        microphone: the device.
        on_note: called once with a sentence for the user, when it turns out to be half duplex.

    Attributes:
        mode: after `look`, `half` or `headphones`; the latter also for a microphone that cancels its echo itself.

    Raises:
        HushdError: `bad_request` for another mode.
    """

    def __init__(self, mode: Mode, microphone: str | int | None, on_note: Callable[[str], None] | None) -> None:
        if mode not in MODES:
            raise HushdError("bad_request", f"There is no mode {mode!r}: choose one of {', '.join(MODES)}.")
        self.mode = mode
        self._microphone = microphone
        self._on_note = on_note if mode == "auto" else None

    @property
    def full(self) -> bool:
        """True if it is known that it can listen while it speaks."""
        return self.mode == "headphones"

    def look(self) -> None:
        """Finds out whether the microphone's echo is cancelled already."""
        if self.mode == "auto":
            self.mode = "headphones" if cancels_echo(self._microphone) else "half"

    def note(self, seconds: float) -> None:
        """Tells the user once, after a speech of so many seconds, that it is half duplex."""
        if self._on_note is not None and not self.full and seconds >= TELLING_S:
            tell, self._on_note = self._on_note, None
            tell(HALF_DUPLEX)


def cancels_echo(device: str | int | None) -> bool:
    """Returns whether a microphone is made by PulseAudio's or PipeWire's echo canceller, by its name."""
    name = "" if device is None else str(device).strip()
    if name.lower() in _USUAL:
        name = os.environ.get("PULSE_SOURCE") or _usual_source()
    return "echocancel" in name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _usual_source() -> str:
    """Returns the sound server's default source; empty where there is no sound server."""
    program = shutil.which("pactl")
    if program is None:
        return ""
    try:
        answer = subprocess.run([program, "get-default-source"], capture_output=True, text=True, timeout=ASK_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


LINGER_S = 3.0  # after a turn; then nobody is recorded any more
CHUNK_S = 0.032  # what the voice detector judges at once


class Tape(Recording):
    """The recording of one opened microphone, which can be muted between two turns.

    Several threads may read at once: that of the last turn may still wait for a chunk that belongs to the next turn.
    """

    def __init__(self, microphone: Microphone, muted: bool) -> None:
        super().__init__(microphone)
        self._microphone = microphone
        self._muted = muted

    @property
    def only_zeros(self) -> bool:
        """See `Microphone.only_zeros`."""
        return self._microphone.only_zeros

    def mute(self) -> None:
        """Forgets the sound so far, and records nothing until `unmute`."""
        self._microphone.mute()
        self._muted = True
        self._begin = self._end

    def unmute(self) -> None:
        """Records from now on. Safe to call twice."""
        if self._muted:
            self._begin = self._end
            self._muted = False
            self._microphone.unmute()


class Recorder:
    """Opens the microphone when a turn needs it, and closes it when none has needed it for `LINGER_S`.

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

    @property
    def only_zeros(self) -> bool:
        """True if the open microphone has recorded nothing but zeros, for some seconds."""
        return self._tape is not None and self._tape.only_zeros

    def forget(self) -> None:
        """Throws away the sound so far, and records nothing until the next turn listens."""
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

        if not self._duplex.full:
            return Microphone(self._device, muted=muted)
        return Microphone(self._device, muted=muted, chunk_s=CHUNK_S)

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


class TurnListener:
    """Transcribes what one turn of a conversation hears. A context manager.

    Args:
        tape: what the microphone records.
        begin: starts a transcription of the tape, given the callback for its events.
        report: called on the other thread with BEGAN, NOTHING and, at the end, HEARD.
        meanwhile: see `hears_meanwhile`.

    Attributes:
        hears_meanwhile: whether it may listen while something is played.
    """

    def __init__(
        self,
        tape: Tape,
        begin: Callable[[OnEvent], Transcription],
        report: Callable[[Event], None],
        meanwhile: bool,
    ) -> None:
        self._tape = tape
        self._begin = begin
        self._report = report
        self.hears_meanwhile = meanwhile
        self._transcription: Transcription | None = None
        self._transcript: Transcript | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> TurnListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listen(self) -> None:
        """Starts the transcription. Safe to call twice."""
        if self._transcription is None:
            self._tape.unmute()
            self._transcription = self._begin(self._take)
            threading.Thread(target=self._run, args=(self._transcription,), name="hushd-listener", daemon=True).start()

    def close(self) -> None:
        """Cancels the transcription."""
        if self._transcription is not None:
            self._transcription.close()

    @property
    def heard_s(self) -> float | None:
        """Seconds of audio up to the end of the utterance; None: it has not ended."""
        return None if self._transcript is None else self._transcript.duration

    @property
    def failed(self) -> bool:
        """True if the transcription has ended with an error."""
        return self._error is not None

    def transcript(self) -> Transcript:
        """Returns the transcript, once HEARD was reported.

        Raises:
            BaseException: the error with which the transcription ended.
        """
        if self._error is not None:
            raise self._error
        assert self._transcript is not None
        return self._transcript

    def _run(self, transcription: Transcription) -> None:
        try:
            self._transcript = transcription.transcript()
        except BaseException as error:
            self._error = error
        self._report(Event.HEARD)

    def _take(self, kind: str, data: LiveEvent) -> None:
        if kind == "began":
            self._report(Event.BEGAN)
        elif kind == "nothing":
            self._report(Event.NOTHING)

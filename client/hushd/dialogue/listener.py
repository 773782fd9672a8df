"""The transcription of a conversation's turn on a thread of its own, and whether it can listen while something is
played."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from hushd_protocol.errors import HushdError

from hushd.audio.recording import Closing
from hushd.dialogue.exchange import Event

if TYPE_CHECKING:
    from hushd_schema.results import LiveEvent, OnEvent

    from hushd.transcripts.transcript import Transcript, Transcription

Mode = Literal["auto", "half", "headphones"]

MODES = ("auto", "half", "headphones")
# Seconds of the microphone's chunks where a person may interrupt: what the voice detector judges at once.
DETECTOR_CHUNK_S = 0.032
MICROPHONE_QUESTION_TIMEOUT_S = 1.0  # seconds for the sound server's answer
_USUAL = ("", "default", "pulse", "pipewire")  # devices behind which a sound server chooses


class Duplex:
    """The mode of a conversation. Raises `bad_request` for another mode.

    Args:
        mode: as the user has set it.
        microphone: the device.

    Attributes:
        mode: after `look`, `half` or `headphones`; the latter also for a microphone that cancels its echo itself.
    """

    def __init__(self, mode: Mode, microphone: str | int | None) -> None:
        if mode not in MODES:
            raise HushdError("bad_request", f"There is no mode {mode!r}: choose one of {', '.join(MODES)}.")
        self.mode = mode
        self._microphone = microphone

    @property
    def full(self) -> bool:
        """True if it is known that it can listen while it speaks."""
        return self.mode == "headphones"

    def detect_mode(self) -> None:
        """Finds out whether the microphone's echo is cancelled already."""
        if self.mode == "auto":
            self.mode = "headphones" if cancels_echo(self._microphone) else "half"


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
        answer = subprocess.run(
            [program, "get-default-source"], capture_output=True, text=True, timeout=MICROPHONE_QUESTION_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


class TurnListener(Closing):
    """Transcribes what one turn of a conversation hears. A context manager.

    Args:
        begin: starts the transcription, given the callback for its events.
        report: called on the other thread with BEGAN, NOTHING and, at the end, HEARD.
        meanwhile: see `hears_meanwhile`.

    Attributes:
        hears_meanwhile: whether it may listen while something is played.
    """

    def __init__(
        self, begin: Callable[[OnEvent], Transcription], report: Callable[[Event], None], meanwhile: bool
    ) -> None:
        self._begin = begin
        self._report = report
        self.hears_meanwhile = meanwhile
        self._transcription: Transcription | None = None
        self._transcript: Transcript | None = None
        self._error: BaseException | None = None

    def listen(self) -> None:
        """Starts the transcription. Safe to call twice."""
        if self._transcription is None:
            self._transcription = self._begin(self._on_live_event)
            threading.Thread(target=self._run, args=(self._transcription,), name="hushd-listener", daemon=True).start()

    def close(self) -> None:
        """Cancels the transcription."""
        if self._transcription is not None:
            self._transcription.close()

    def transcript(self) -> Transcript:
        """Returns the transcript, once HEARD was reported. Raises the error with which the transcription ended."""
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

    def _on_live_event(self, kind: str, data: LiveEvent) -> None:
        if kind == "began":
            self._report(Event.BEGAN)
        elif kind == "nothing":
            self._report(Event.NOTHING)

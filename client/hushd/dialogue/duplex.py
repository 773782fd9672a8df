"""Whether a conversation hears while it speaks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Literal

from hushd_protocol.errors import HushdError

Mode = Literal["auto", "half", "headphones"]

MODES = ("auto", "half", "headphones")
TELLING_S = 1.5  # of speech, after which it is known whether it can be taken out
HALF_DUPLEX = (
    "Half duplex: the microphone hears what the loudspeaker says, so it counts only while that is silent. "
    "With headphones, or a microphone with echo cancellation, you may interrupt."
)
ASK_S = 1.0  # for the sound server's answer
_USUAL = ("", "default", "pulse", "pipewire")  # devices behind which a sound server chooses


class Duplex:
    """What is known of it.

    Args:
        mode: what the user says of it.
        microphone: the device.
        on_note: called once with a sentence for the user, when it turns out to be half.

    Attributes:
        mode: `headphones` also for a microphone that cancels echoes itself.
        echo_gone: whether the worker has found that it can take out what is played.

    Raises:
        HushdError: `bad_request` for another mode.
    """

    def __init__(self, mode: Mode, microphone: str | int | None, on_note: Callable[[str], None] | None) -> None:
        if mode not in MODES:
            raise HushdError("bad_request", f"There is no mode {mode!r}: choose one of {', '.join(MODES)}.")
        self.mode = mode
        self.echo_gone = False
        self._microphone = microphone
        self._on_note = on_note
        self._looked = mode != "auto"

    @property
    def full(self) -> bool:
        """Whether it is known to hear while it speaks."""
        return self.mode == "headphones" or self.echo_gone

    def look(self) -> None:
        """Finds out whether the microphone's echo is cancelled already."""
        if not self._looked:
            self._looked = True
            if cancels_echo(self._microphone):
                self.mode = "headphones"

    def note(self, seconds: float) -> None:
        """So much was said: tells the user, once, that it was not heard through."""
        if self._on_note is not None and self.mode == "auto" and seconds >= TELLING_S:
            tell, self._on_note = self._on_note, None
            if not self.full:
                tell(HALF_DUPLEX)


def cancels_echo(device: str | int | None) -> bool:
    """Whether a microphone is one of those that PulseAudio's or PipeWire's echo canceller makes, by its name."""
    name = "" if device is None else str(device).strip()
    if name.lower() in _USUAL:
        name = os.environ.get("PULSE_SOURCE") or _usual_source()
    return "echocancel" in name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _usual_source() -> str:
    """What the sound server records from, empty where there is none."""
    program = shutil.which("pactl")
    if program is None:
        return ""
    try:
        asked = subprocess.run([program, "get-default-source"], capture_output=True, text=True, timeout=ASK_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()

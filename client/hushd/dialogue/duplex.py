"""Full or half duplex: whether a conversation can listen while it speaks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Literal

from hushd_protocol.errors import HushdError

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

"""The way to loudspeaker and microphone: sounddevice, imported only by who uses one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hushd_protocol.errors import HushdError

TICKS = 6  # of a wait: see in_time
STARVED_S = 3.0  # without a callback: no error says that a device was unplugged, the callbacks just stop


def load() -> Any:
    """The module sounddevice.

    Raises:
        HushdError: `no_device` when it or the PortAudio library is missing, with what to install.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise HushdError(
            "no_device", "Loudspeaker and microphone need sounddevice: pip install 'hushd[audio]'."
        ) from error
    except OSError as error:
        remedy = "brew install portaudio" if sys.platform == "darwin" else "apt install libportaudio2"
        raise HushdError("no_device", f"Loudspeaker and microphone need the PortAudio library: {remedy}.") from error
    return sounddevice


@contextmanager
def naming(device: str, instead: str) -> Iterator[None]:
    """Says in one sentence that `device`, such as "microphone", cannot be used, and what can be done `instead`."""
    try:
        yield
    except Exception as error:
        # PortAudioError carries its text first; a wrong device name is a ValueError.
        if type(error).__name__ != "PortAudioError" and not isinstance(error, ValueError):
            raise
        reason = str(error.args[0]) if error.args else type(error).__name__
        raise HushdError("no_device", f"There is no {device} that can be used ({reason}): {instead}.") from error


def in_time(wait: Callable[[float], bool], limit: float) -> bool:
    """Whether `wait` (seconds to whether it came) succeeds within `limit` seconds of this process's own life.

    In ticks, since a process that was stopped with Ctrl-Z would else find its time over the moment it goes on, before
    the device's thread could run.
    """
    return any(wait(limit / TICKS) for _ in range(TICKS))


def lost(device: str) -> HushdError:
    """The error for a device whose callbacks have stopped."""
    return HushdError("no_device", f"The {device} has stopped working: is it still connected?")

"""Loudspeakers and microphones, through sounddevice, which is imported only when one is used."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar
from weakref import WeakSet

from hushd_models.installation import LIBRARIES, extra_command
from hushd_protocol.errors import HushdError, advised
from hushd_protocol.system import pointer

from hushd.transport.waiting import take_lock

LOAD_S = 10.0  # seconds for PortAudio to find the devices there are, which takes it some 50 ms
EXIT_CLOSE_TIMEOUT_S = 2.0  # the same, for a process that is about to end
OWN = "hushd.process"  # the property of hushd's streams in the sound server: the number of the process that plays
# Seconds without a callback: no error says that a device was unplugged, the callbacks just stop.
UNPLUGGED_AFTER_S = 3.0

T = TypeVar("T")
Kind = Literal["loudspeaker", "microphone"]
_DIRECTIONS = {"loudspeaker": "output", "microphone": "input"}
_NO_DEFAULT = "Error querying device -1"  # PortAudio's words where there is no device at all
_INSTEAD = {"loudspeaker": "write_file", "microphone": "read_file"}

_starting = threading.Lock()  # held while PortAudio looks for devices
_opening = threading.Lock()
_streams: WeakSet[Any] = WeakSet()


@dataclass(frozen=True, slots=True)
class Device:
    """A loudspeaker or microphone. `api` is the sound system that offers it, `usual` whether it is the default one."""

    number: int
    name: str
    api: str
    channels: int
    usual: bool


def load() -> Any:
    """The module sounddevice. Raises `no_device` when it or the PortAudio library is missing, with what to install, or
    hangs."""
    loading = load_ahead()
    loading.join(LOAD_S)
    if loading.is_alive():
        locked = f": rm -r /dev/shm/jack_db-{os.getuid()}" if sys.platform == "linux" else ""
        raise HushdError(
            "no_device",
            "PortAudio hangs while it looks for devices; a program that was killed may have left "
            f"a lock of JACK's behind{locked}.",
        )
    try:
        import sounddevice
    except ImportError as error:
        raise HushdError(
            "no_device", f"Loudspeaker and microphone need sounddevice: {extra_command('audio')}."
        ) from error
    except OSError as error:
        remedy = LIBRARIES["portaudio"].remedy()
        raise HushdError("no_device", f"Loudspeaker and microphone need the PortAudio library: {remedy}.") from error
    if sys.platform == "linux" and not os.environ.get("HUSHD_DEBUG"):
        _silence_alsa()
    return sounddevice


@cache
def load_ahead() -> threading.Thread:
    """Starts to load sounddevice on another thread, and returns that; an error is raised by `load`."""

    def begin() -> None:
        # A card of ALSA's must play and record at any rate when it is named, as it does when it is the usual one.
        os.environ.setdefault("PA_ALSA_PLUGHW", "1")
        lead_to_sound_server()
        with _starting, suppress(Exception):
            import sounddevice  # noqa: F401

    thread = threading.Thread(target=begin, name="hushd-device", daemon=True)
    thread.start()
    return thread


def lead_to_sound_server() -> None:
    """Sets XDG_RUNTIME_DIR where it was cut away, as hosts of agents do: PulseAudio and PipeWire have their sockets in
    it, and their libraries look nowhere else.
    The sound that this process plays is marked as hushd's, which no process of hushd's makes quieter."""
    os.environ[f"PULSE_PROP_{OWN}"] = str(os.getpid())
    if sys.platform != "linux" or os.environ.get("XDG_RUNTIME_DIR"):
        return

    if folder := pointer.find_session_folder():
        os.environ["XDG_RUNTIME_DIR"] = os.fspath(folder)


def wait_for_search() -> None:
    """Waits until PortAudio has finished looking for devices, and keeps it from starting again; called before exit.

    PortAudio asks JACK's library too, which holds a lock shared by all of a user's programs for that time. A process
    that exits meanwhile never releases it, and every program that looks for devices hangs until the next boot.
    """
    take_lock(_starting, EXIT_CLOSE_TIMEOUT_S)


def devices(sounddevice: Any, kind: Kind) -> list[Device]:
    """Returns the devices of a kind, in PortAudio's order. Raises `no_device` when PortAudio cannot list them."""
    direction = _DIRECTIONS[kind]
    with naming(kind):
        apis = [api["name"] for api in sounddevice.query_hostapis()]
        default = sounddevice.default.device[direction == "output"]
        return [
            Device(
                number, device["name"], apis[device["hostapi"]], device[f"max_{direction}_channels"], number == default
            )
            for number, device in enumerate(sounddevice.query_devices())
            if device[f"max_{direction}_channels"] > 0
        ]


def choose(devices: Sequence[Device], kind: Kind, wish: str | int) -> int:
    """Returns the number of the device with a number, a name, or a beginning of a name; case does not matter. Raises
    `no_device` when no device matches, or more than one."""
    text = str(wish).strip().lower()
    names = {device.number: device.name.lower() for device in devices}
    same = [number for number, name in names.items() if text in (name, str(number))]
    matches = same or [number for number, name in names.items() if text and name.startswith(text)]
    if len(matches) == 1 or (same and len(set(map(names.__getitem__, same))) == 1):
        return matches[0]
    choices = ", ".join(repr(device.name) for device in devices if not matches or device.number in matches)
    if matches:
        raise HushdError("no_device", f"More than one {kind} is called {wish!r}: choose one of {choices}.")
    existing = f"choose one of {choices}" if devices else "this machine has none"
    raise HushdError("no_device", f"There is no {kind} called {wish!r}: {existing}.")


def open_stream(sounddevice: Any, kind: Kind, wish: str | int | None, make: Callable[[int | None], Any]) -> Any:
    """Returns the stream that `make` opens on the device called `wish`; None: on the default one.

    Raises `no_device`.
    """
    return _restarting(sounddevice, kind, lambda: _open(sounddevice, kind, wish, make))


def check(sounddevice: Any, kind: Kind, wish: str | int | None) -> None:
    """Raises `no_device` when there is no device of a kind, or none that is called `wish`."""

    def check() -> None:
        listed = devices(sounddevice, kind)
        if wish is not None:
            choose(listed, kind, wish)
        elif not listed:
            raise advised("no_device", f"There is no {kind} that can be used", _INSTEAD[kind])

    _restarting(sounddevice, kind, check)


def _restarting(sounddevice: Any, kind: Kind, attempt: Callable[[], T]) -> T:
    """Returns the result of `attempt`. PortAudio knows the devices of the moment it was started: where the attempt
    fails, PortAudio is restarted, unless that would break another stream of this process, and asked once more."""
    with _opening:
        try:
            return attempt()
        except HushdError:
            if any(not stream.closed for stream in _streams):
                raise
            with naming(kind), _starting:
                sounddevice._terminate()
                sounddevice._initialize()
            return attempt()


def _open(sounddevice: Any, kind: Kind, wish: str | int | None, make: Callable[[int | None], Any]) -> Any:
    number = None if wish is None else choose(devices(sounddevice, kind), kind, wish)
    with naming(kind):
        stream = make(number)
    _streams.add(stream)
    return stream


@contextmanager
def naming(kind: Kind) -> Iterator[None]:
    """Turns errors of PortAudio into one sentence: the device cannot be used, and what to do instead."""
    try:
        yield
    except Exception as error:
        # PortAudioError carries its text first; a wrong device name is a ValueError.
        if type(error).__name__ != "PortAudioError" and not isinstance(error, ValueError):
            raise
        reason = str(error.args[0]) if error.args else type(error).__name__
        why = "" if reason == _NO_DEFAULT else f" ({reason})"
        raise advised("no_device", f"There is no {kind} that can be used{why}", _INSTEAD[kind]) from error


def lost(kind: Kind) -> HushdError:
    """Returns the error for a device whose callbacks have stopped."""
    return HushdError("no_device", f"The {kind} has stopped working: is it still connected?")


def close_lost(stream: Any) -> None:
    """Closes a stream whose device hangs, on a thread of its own, since that takes more than a minute."""
    threading.Thread(target=stream.close, name="hushd-close", daemon=True).start()


def _silence_alsa() -> None:
    """Keeps ALSA from writing to standard error about missing cards and underruns.

    The first is raised as an error, in one sentence; the second is counted by `Player.underruns`.
    """
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:
        return
    # Any function that does nothing; one in Python would have the device's thread wait for the interpreter.
    alsa.snd_lib_error_set_handler(ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p))

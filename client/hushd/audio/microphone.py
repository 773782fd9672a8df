"""The microphone as an iterable of chunks."""

from __future__ import annotations

import math
import queue
import sys
import time
from typing import Any

from hushd_protocol.errors import HushdError

from hushd.audio import devices
from hushd.audio.devices import UNPLUGGED_AFTER_S, Device
from hushd.audio.recording import Chunks, Closing
from hushd.transport.link import devices_link
from hushd.transport.waiting import next_item

RATE = 16000  # Hz, of speech models
MICROPHONE_CHUNK_S = 0.1
ZEROS_S = 3.0  # seconds of nothing but zeros, which no room sounds like


def inputs() -> list[Device]:
    """Returns the microphones of this machine. Raises `no_device` when sounddevice or PortAudio is missing."""
    if link := devices_link():
        listed: list[Device] = link.devices.listed(link, "microphone")
        return listed
    return devices.devices(devices.load(), "microphone")


class Microphone(Closing, Chunks):
    """Iterates over chunks of s16le samples, a context manager. Raises `no_device` when there is none, or, while
    iterating, when it has stopped.

    It records from its construction on, so that nothing is lost while a worker still loads.

    Args:
        device: its number, its name or a beginning of that, as in `inputs`; None: the default one.
        muted: whether it begins muted.
        rate: the requested Hz.
        chunk_s: seconds of a chunk.

    Attributes:
        rate: Hz; the device's own rate where it supports no other.
    """

    def __init__(
        self,
        device: str | int | None = None,
        *,
        muted: bool = False,
        rate: int = RATE,
        chunk_s: float = MICROPHONE_CHUNK_S,
    ) -> None:
        super().__init__()
        self.rate = rate
        self._chunk_s = chunk_s
        self._since = math.inf if muted else -math.inf  # samples recorded before are dropped
        self._recorded_s, self._sounded = 0.0, False  # recorded seconds, and whether a sample was not zero
        self._lost = False
        self._stream: Any
        if link := devices_link():
            self._stream = link.devices.open_microphone(link, device, rate, chunk_s, self._callback, self.fail)
            return
        sounddevice = devices.load()
        self._stream = devices.open_stream(
            sounddevice, "microphone", device, lambda number: self._start(sounddevice, number)
        )

    def _get(self) -> bytes | BaseException | None:
        try:
            return next_item(self._chunks, UNPLUGGED_AFTER_S)
        except queue.Empty:
            raise self.lose() from None

    @property
    def only_zeros(self) -> bool:
        """True if it has recorded nothing but zeros, for some seconds: it is muted, or not allowed."""
        return not self._sounded and self._recorded_s >= ZEROS_S

    def lose(self) -> HushdError:
        """Gives a device up that sends nothing; returns the error."""
        self._lost = True
        devices.close_lost(self._stream)
        return devices.lost("microphone")

    def unmute(self) -> None:
        """Records from now on; the latency of the device is taken into account."""
        self._since = time.monotonic()

    def close(self) -> None:
        """Stops recording; ends the iteration after the sound recorded until now."""
        if not self._lost:
            self._stream.close()
        self.stop()

    def _start(self, sounddevice: Any, device: int | None) -> Any:
        try:
            stream = self._open(sounddevice, device, self.rate)
        except sounddevice.PortAudioError:
            self.rate = int(sounddevice.query_devices(device, "input")["default_samplerate"])
            stream = self._open(sounddevice, device, self.rate)
        self._stream = stream  # the callback reads it
        stream.start()
        return stream

    def _open(self, sounddevice: Any, device: int | None, rate: int) -> Any:
        return sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=int(rate * self._chunk_s),
            channels=1,
            dtype="int16",
            device=device,
            callback=self._callback,
        )

    def _callback(self, samples: Any, frames: int, when: Any, status: Any) -> None:
        if self._since == math.inf:
            return
        data = bytes(samples)
        if self._since != -math.inf:
            begun = time.monotonic() - self._stream.latency - frames / self.rate
            early = round((self._since - begun) * self.rate)
            if early <= 0:
                self._since = -math.inf
            data = data[2 * max(0, early) :]
        if not self._sounded:
            self._recorded_s += frames / self.rate
            self._sounded = any(data)
        if data:
            self.put(data)


def zeros_reason() -> str:
    """Returns a sentence about a microphone that records `only_zeros`."""
    if sys.platform == "darwin":
        return (
            "The microphone sends nothing but zeros: allow the program that runs this, such as the terminal, to use it "
            "in System Settings, Privacy & Security, Microphone, and start that program again."
        )
    return "The microphone sends nothing but zeros: is it muted?"

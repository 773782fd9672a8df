"""Recording from the microphone, from the moment it is opened."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from . import audio_device
from .audio_device import STARVED_S

RATE = 16000  # Hz, what speech models hear
CHUNK_S = 0.1


class Microphone(Iterator[bytes]):
    """Iterates over chunks of 100 ms of s16le mono samples; a context manager.

    It records from construction on, so that nothing is lost while a worker still loads.

    Attributes:
        rate: Hz; 16000, or the device's own rate where it knows no other.

    Raises:
        HushdError: `no_device` when there is none, or, from the iteration, when it has stopped.
    """

    def __init__(self, device: str | int | None = None) -> None:
        sounddevice = audio_device.load()
        self._chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lost = False
        with audio_device.naming("microphone", "`listen FILE` hears a recording"):
            try:
                self._stream = self._open(sounddevice, device, RATE)
                self.rate = RATE
            except sounddevice.PortAudioError:
                self.rate = int(sounddevice.query_devices(device, "input")["default_samplerate"])
                self._stream = self._open(sounddevice, device, self.rate)
            self._stream.start()

    def __enter__(self) -> Microphone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        try:
            chunk = self._chunks.get(timeout=STARVED_S)
        except queue.Empty:
            self._lost = True
            raise audio_device.lost("microphone") from None
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Stops recording; the iteration ends after what was recorded."""
        if not self._lost:  # to close a device that hangs takes more than a minute
            self._stream.close()
        self._chunks.put(None)

    def _open(self, sounddevice: Any, device: str | int | None, rate: int) -> Any:
        return sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=int(rate * CHUNK_S),
            channels=1,
            dtype="int16",
            device=device,
            callback=self._callback,
        )

    def _callback(self, samples: Any, frames: int, time: Any, status: Any) -> None:
        self._chunks.put(bytes(samples))

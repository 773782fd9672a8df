"""Playing raw audio, heard to its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError

from hushd.synthesis.options import VOLUMES

from . import devices
from .devices import Device
from .playback_buffer import PlaybackBuffer

if TYPE_CHECKING:
    from hushd.transport.floor import Floor

# What the device asks for at once. With 20 ms or less, ALSA's bridge to PulseAudio may not recover from an underrun:
# one follows the other, and the speech is swallowed.
BLOCK_S = 0.025
# Of the device's buffer, which PortAudio makes a block longer. More is a later silence after a stop.
LATENCY_S = 0.05


def outputs() -> list[Device]:
    """The loudspeakers there are.

    Raises:
        HushdError: `no_device` when sounddevice or PortAudio is missing.
    """
    return devices.devices(devices.load(), "loudspeaker")


class Player:
    """A loudspeaker for one speech after the other.

    Args:
        device: its number, its name or how that begins, as in `outputs`; None: the usual one.
        floor: of the speaker (see `Client.floor`): taken while there is something to hear, so also given back while
            the next sentence is long in coming. None: plays whoever else does.
        volume: 0 is silence, 1 as the speech was made, 2 twice that.
        on_position: called some 25 times a second, on the thread that calls `play`, with the seconds of this speech
            that have been heard.
        on_output: called on the device's thread with all the samples that it was given, also silence; None: it has
            been closed.

    Attributes:
        underruns: how often the device had to wait, in all: each is a gap somebody may hear.

    Raises:
        HushdError: `bad_request` for a volume that makes no sense.
    """

    def __init__(
        self,
        device: str | int | None = None,
        floor: Floor | None = None,
        volume: float = 1.0,
        on_position: Callable[[float], None] | None = None,
        on_output: Callable[[bytes | None], None] | None = None,
    ) -> None:
        self._device = device
        self._on_output = on_output
        self._stopped = False
        self._floor = floor
        self._on_position = on_position
        self._feed: PlaybackBuffer | None = None
        self._underruns = 0
        self.volume = volume

    @property
    def volume(self) -> float:
        """May be set at any time, from any thread: what is being heard follows within a tenth of a second."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        low, high = VOLUMES
        if not low <= volume <= high:
            raise HushdError("bad_request", f"The volume must be a number from {low:g} to {high:g}, not {volume!r}.")
        self._volume = volume
        if self._feed is not None:
            self._feed.volume = volume

    @property
    def underruns(self) -> int:
        return self._underruns + (self._feed.underruns if self._feed else 0)

    def play(self, chunks: Iterable[bytes], rate: int, channels: int = 1) -> None:
        """Plays s16le samples at `rate` Hz as they come; returns when the last one was heard.

        Args:
            chunks: read in another thread.

        Raises:
            HushdError: `no_device` when there is no loudspeaker or it goes away, `cancelled` when the floor was taken
                away for good; and what `chunks` raises.
        """
        sounddevice = devices.load()
        self._underruns = self.underruns
        feed = self._feed = PlaybackBuffer(
            sounddevice.CallbackStop, rate, channels, volume=self._volume, on_output=self._on_output
        )
        if self._stopped:
            return
        floor = self._floor
        if floor is not None:
            floor.on_loss = feed.hush
        threading.Thread(target=feed.fill, args=(chunks,), name="hushd-feed", daemon=True).start()
        try:
            while feed.wait():
                with floor or nullcontext():
                    while True:
                        feed.begin()
                        if not self._stopped and (floor is None or floor.held):
                            self._sound(sounddevice, feed, rate, channels)
                        if floor is None or floor.held or feed.done or self._stopped:
                            break
                        floor.keep()
        finally:
            feed.abandon()

    def stop(self) -> None:
        """Falls silent at once, for good, and `play` returns. For any thread."""
        self._stopped = True
        if self._feed is not None:
            self._feed.hush()
            self._feed.abandon()

    def _sound(self, sounddevice: Any, feed: PlaybackBuffer, rate: int, channels: int) -> None:
        """Opens the device anew, since it is another's meanwhile, or another one, and plays what there is."""

        def start(number: int | None) -> Any:
            stream = sounddevice.RawOutputStream(
                samplerate=rate,
                channels=channels,
                dtype="int16",
                device=number,
                latency=LATENCY_S,
                blocksize=int(BLOCK_S * rate),
                callback=feed.callback,
                finished_callback=feed.finish,
            )
            feed.latency = stream.latency + BLOCK_S  # what it became, since some devices have sizes of their own
            stream.start()
            return stream

        stream = devices.open_stream(sounddevice, "loudspeaker", self._device, start)
        try:
            feed.play_out(self._on_position)
        except BaseException:
            feed.fade_out()
            raise
        finally:
            if feed.lost:
                devices.close_lost(stream)
            else:
                stream.close()
            if self._on_output is not None:
                self._on_output(None)


def play(
    chunks: Iterable[bytes],
    rate: int,
    channels: int = 1,
    device: str | int | None = None,
    floor: Floor | None = None,
    volume: float = 1.0,
    on_position: Callable[[float], None] | None = None,
) -> None:
    """Plays s16le samples at `rate` Hz as they come; returns when the last one was heard. See `Player`."""
    Player(device, floor, volume, on_position).play(chunks, rate, channels)

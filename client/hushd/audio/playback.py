"""Playback of raw audio, to the last sample."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from hushd_schema.kinds import check
from hushd_schema.operations.synthesize import SYNTHESIZE

from hushd.transport.link import devices_link

from . import devices
from .devices import Device
from .playback_buffer import PlaybackBuffer

if TYPE_CHECKING:
    from hushd.floor import Floor

# Seconds that the device requests at once. With 20 ms or less, ALSA's bridge to PulseAudio may not recover from an
# underrun: one follows the other, and the speech is swallowed.
BLOCK_S = 0.025
# Seconds of the device's buffer, which PortAudio makes a block longer. More would delay the silence after a stop.
LATENCY_S = 0.05


def outputs() -> list[Device]:
    """Returns the loudspeakers of this machine. Raises `no_device` when sounddevice or PortAudio is missing."""
    if link := devices_link():
        listed: list[Device] = link.devices.listed(link, "loudspeaker")
        return listed
    return devices.devices(devices.load(), "loudspeaker")


class Player:
    """A loudspeaker for one speech after the other. Raises `bad_request` for a volume out of range.

    Args:
        device: its number, its name or a beginning of that, as in `outputs`; None: the default one.
        floor: of the speaker (see `Client.floor`): held while there is audio, and given back while the next sentence
            is slow to come. None: plays regardless of other programs.
        volume: 0 is silence, 1 the speech as it was made, 2 twice that.
        on_position: called some 25 times a second, on the thread that calls `play`, with the seconds of this speech
            heard so far.

    Attributes:
        underruns: the number of times the device had to wait, each an audible gap.
    """

    def __init__(
        self,
        device: str | int | None = None,
        floor: Floor | None = None,
        volume: float = 1.0,
        on_position: Callable[[float], None] | None = None,
    ) -> None:
        self._device = device
        self._stopped = False
        self._floor = floor
        self._on_position = on_position
        self._buffer: PlaybackBuffer | None = None
        self._underruns = 0
        self.volume = volume

    def check(self) -> None:
        """Raises `no_device` where nothing can play, before a speech is waited for."""
        if (self._floor.lender if self._floor is not None else devices_link()) is None:
            devices.check(devices.load(), "loudspeaker", self._device)

    @property
    def volume(self) -> float:
        """May be set at any time, from any thread: takes effect within a tenth of a second."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume: float = check("volume", volume, SYNTHESIZE.fields["volume"].kind)
        if self._buffer is not None:
            self._buffer.volume = volume

    @property
    def underruns(self) -> int:
        return self._underruns + (self._buffer.underruns if self._buffer else 0)

    def play(self, chunks: Iterable[bytes], rate: int, channels: int = 1) -> None:
        """Plays s16le samples at `rate` Hz as they come; returns when the last one was heard.

        Args:
            chunks: read in another thread.

        Raises:
            HushdError: `no_device` when there is no loudspeaker or it goes away, `cancelled` when the floor was taken
                away for good; and what `chunks` raises.
        """
        self._underruns = self.underruns
        buffer = self._buffer = self._make_buffer(rate, channels)
        if self._stopped:
            return
        floor = self._floor
        if floor is not None:
            floor.on_loss = buffer.hush
        threading.Thread(target=buffer.fill, args=(chunks,), name="hushd-playback", daemon=True).start()
        try:
            while buffer.wait():
                with floor or nullcontext():
                    while True:
                        buffer.begin()
                        if not self._stopped and (floor is None or floor.held):
                            self._sound(buffer, rate, channels)
                        if floor is None or floor.held or buffer.done or self._stopped:
                            break
                        floor.keep()
        finally:
            buffer.abandon()

    def stop(self) -> None:
        """Silences the player at once, for good; `play` returns. For any thread."""
        self._stopped = True
        if self._buffer is not None:
            self._buffer.hush()
            self._buffer.abandon()

    def _make_buffer(self, rate: int, channels: int) -> PlaybackBuffer:
        link = self._floor.lender if self._floor is not None else devices_link()
        if link is not None:
            lent: PlaybackBuffer = link.devices.open_loudspeaker(link, self._device, rate, channels, self._volume)
            return lent
        stop = devices.load().CallbackStop
        return PlaybackBuffer(stop, rate, channels, volume=self._volume)

    def _sound(self, buffer: PlaybackBuffer, rate: int, channels: int) -> None:
        """Opens the device anew, since the default one may have changed meanwhile, and plays the buffered audio."""
        if buffer.elsewhere:
            return self._play_out(buffer)
        sounddevice = devices.load()

        def start(number: int | None) -> Any:
            stream = sounddevice.RawOutputStream(
                samplerate=rate,
                channels=channels,
                dtype="int16",
                device=number,
                latency=LATENCY_S,
                blocksize=int(BLOCK_S * rate),
                callback=buffer.callback,
                finished_callback=buffer.finish,
            )
            buffer.latency = stream.latency + BLOCK_S  # the actual one: some devices have buffer sizes of their own
            stream.start()
            return stream

        stream = devices.open_stream(sounddevice, "loudspeaker", self._device, start)
        try:
            self._play_out(buffer)
        finally:
            if buffer.lost:
                devices.close_lost(stream)
            else:
                stream.close()

    def _play_out(self, buffer: PlaybackBuffer) -> None:
        try:
            buffer.play_out(self._on_position)
        except BaseException:
            buffer.fade_out()
            raise

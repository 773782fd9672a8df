"""Playing raw audio, heard to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from . import audio_device
from .feed import Feed

if TYPE_CHECKING:
    from .floor import Floor

LATENCY_S = 0.1  # of the device; with less, a busy machine makes the speech crack


def play(
    chunks: Iterable[bytes],
    rate: int,
    channels: int = 1,
    device: str | int | None = None,
    floor: Floor | None = None,
) -> None:
    """Plays s16le samples at `rate` Hz as they come; returns when the last one was heard.

    Args:
        chunks: read in another thread.
        floor: of the speaker (see `Client.floor`): taken while there is something to hear, so also given back while
            the next sentence is long in coming. None: plays whoever else does.

    Raises:
        HushdError: `no_device` when there is no loudspeaker or it goes away, `cancelled` when the floor was taken away
            for good; and what `chunks` raises.
    """
    sounddevice = audio_device.load()
    feed = Feed(sounddevice.CallbackStop, rate, channels)
    options = {"samplerate": rate, "channels": channels, "dtype": "int16", "device": device, "latency": LATENCY_S}
    if floor is not None:
        floor.on_loss = feed.hush
    threading.Thread(target=feed.fill, args=(chunks,), name="hushd-feed", daemon=True).start()
    try:
        while feed.wait():
            with floor or nullcontext():
                while True:
                    feed.begin()
                    if floor is None or floor.held:
                        _sound(sounddevice, feed, options)
                    if floor is None or floor.held or feed.done:
                        break
                    floor.keep()
    finally:
        feed.abandon()


def _sound(sounddevice: Any, feed: Feed, options: dict[str, Any]) -> None:
    """Opens the device anew, since it is another's meanwhile, or another one, and plays what there is."""
    with audio_device.naming("loudspeaker", "`say -o FILE` writes a file instead"):
        stream = sounddevice.RawOutputStream(callback=feed.callback, finished_callback=feed.heard.set, **options)
    try:
        stream.start()
        feed.play_out()
    finally:
        if not feed.lost:  # to close a device that hangs takes more than a minute
            stream.close()  # what has not been heard is dropped: after Ctrl-C there is silence at once

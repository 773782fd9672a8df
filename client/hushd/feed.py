"""Audio on its way to the loudspeaker: a thread fills it, the device's thread empties it, the caller's waits."""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Iterable
from typing import Any

from hushd_protocol.errors import HushdError

from . import audio_device
from .audio_device import STARVED_S

AHEAD_S = 2.0  # of audio kept here; the rest stays where it comes from
DRY_S = 2.0  # of silence while more is to come; then the device is left to others
FADE_S = 0.01  # to fall silent without a click


class Feed:
    """s16le samples between their source and a device.

    Each counter has one writer, so that the device's thread never waits for a lock.

    Args:
        stop: what the callback raises to end the stream once the device has played what it was given.

    Attributes:
        heard: set when that has been heard.
        lost: the device has stopped calling; to close it would take more than a minute.
    """

    def __init__(self, stop: type[Exception], rate: int, channels: int) -> None:
        self._stop = stop
        self._channels = channels
        self._frame = 2 * channels  # bytes
        self._limit = int(AHEAD_S * rate) * self._frame
        self._dry_limit = int(DRY_S * rate) * self._frame
        self._fade = max(1, int(FADE_S * rate))  # frames
        self._loudness = self._fade  # of self._fade
        self._chunks: deque[memoryview] = deque()
        self._added = 0  # bytes
        self._taken = 0  # bytes
        self._silence = 0  # bytes since the last audio
        self._ended = False
        self._error: BaseException | None = None
        self._abandoned = False
        self._hushed = False
        self._stopped = False
        self._moved = threading.Event()  # for the caller
        self._room = threading.Event()  # for the thread that fills
        self.heard = threading.Event()
        self.lost = False

    # --- the thread that fills ---------------------------------------------------------------------------------------

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Takes everything from `chunks`, never much ahead of the device; what they raise, the caller gets."""
        try:
            for chunk in chunks:
                self._chunks.append(memoryview(chunk))
                self._added += len(chunk)
                self._moved.set()
                self._room.clear()  # before the look, so that a callback after it is not missed
                while self._added - self._taken > self._limit and not self._abandoned:
                    self._room.wait()
                    self._room.clear()
                if self._abandoned:
                    return
        except BaseException as error:
            self._error = error
        finally:
            self._ended = True
            self._moved.set()

    # --- the device's thread -----------------------------------------------------------------------------------------

    def callback(self, output: Any, frames: int, time: Any, status: Any) -> None:
        """Fills `output`, with silence where the speech is not ready yet."""
        size = len(output)
        hushed = self._hushed
        filled = self._pour(output, min(size, self._loudness * self._frame) if hushed else size)
        if hushed or self._loudness < self._fade:
            self._shade(output, filled, -1 if hushed else 1)
        output[filled:size] = bytes(size - filled)
        self._silence = 0 if filled else self._silence + size
        if hushed:
            over = self._loudness == 0 or not filled
        else:
            over = self._silence >= self._dry_limit or (self._ended and not self._chunks)
        self._room.set()
        self._stopped = over
        self._moved.set()
        if over:
            raise self._stop  # the device plays what it has, then calls `heard.set`

    def _pour(self, output: Any, room: int) -> int:
        filled = 0
        while filled < room and self._chunks:
            chunk = self._chunks[0]
            count = min(len(chunk), room - filled)
            output[filled : filled + count] = bytes(chunk[:count])
            filled += count
            if count == len(chunk):
                self._chunks.popleft()
            else:
                self._chunks[0] = chunk[count:]
        self._taken += filled
        return filled

    def _shade(self, output: Any, filled: int, step: int) -> None:
        """Fades the samples in or out, a step a frame."""
        whole = filled - filled % self._frame
        samples = array("h", bytes(output[:whole]))
        for start in range(0, len(samples), self._channels):
            self._loudness = min(self._fade, max(0, self._loudness + step))
            for index in range(start, start + self._channels):
                samples[index] = samples[index] * self._loudness // self._fade
        output[:whole] = samples.tobytes()

    # --- the caller --------------------------------------------------------------------------------------------------

    def wait(self) -> bool:
        """Waits until there is audio; False: there is no more.

        Raises:
            BaseException: what the chunks raised.
        """
        while True:
            self._moved.clear()
            ended = self._ended  # read first: whoever sets it has set the others before
            if self._error is not None:
                raise self._error
            if self._chunks or ended:
                return bool(self._chunks)
            self._moved.wait()

    def begin(self) -> None:
        """A device is about to be opened."""
        self._hushed = self._stopped = False
        self._silence = 0
        self.heard.clear()

    def hush(self) -> None:
        """Fades out and stops the device; what follows is kept for the next `begin`. For any thread."""
        self._hushed = True

    def play_out(self) -> None:
        """Waits until the device has stopped: all was heard, it was hushed, or nothing came for a while.

        Raises:
            HushdError: `no_device` when the device has gone away.
            BaseException: what the chunks raised.
        """
        while not self._stopped:
            if self._error is not None:
                raise self._error
            if not audio_device.in_time(self._moved.wait, STARVED_S):
                raise self._lose()
            self._moved.clear()
        if not audio_device.in_time(self.heard.wait, STARVED_S):
            raise self._lose()

    @property
    def done(self) -> bool:
        """Whether everything was given to the device."""
        return self._ended and not self._chunks

    def abandon(self) -> None:
        """Nothing more will be played."""
        self._abandoned = True
        self._room.set()

    def _lose(self) -> HushdError:
        self.lost = True
        return audio_device.lost("loudspeaker")

"""Audio on its way to the loudspeaker: one thread fills it, the device's thread empties it, the caller's waits."""

from __future__ import annotations

import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hushd.audio import devices
from hushd.audio.devices import UNPLUGGED_AFTER_S
from hushd.transport.waiting import OVERLOOKED_S, wait_until_set

QUIET_SAMPLE = 100  # value of a sample, -50 dB: no word is lost below


def without_tail(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields s16le samples without the quiet at their end, in which an answer would be missed.

    Voices leave up to half a second there.
    """
    held = b""
    for chunk in chunks:
        end = _loud_end(chunk)
        if end:
            yield held + chunk[:end]
            held = b""
        held += chunk[end:]


def _loud_end(chunk: bytes) -> int:
    """Returns the number of bytes up to the last audible sample."""
    samples = array("h", chunk)
    for index in range(len(samples) - 1, -1, -1):
        if not -QUIET_SAMPLE < samples[index] < QUIET_SAMPLE:
            return 2 * index + 2
    return 0


BUFFERED_S = 2.0  # seconds of audio kept here; the rest stays where it comes from
DRY_S = 2.0  # seconds of silence while more is to come; then the device is left to others
FADE_S = 0.01  # seconds to fall silent without a click
DEVICE_CLOSE_TIMEOUT_S = 0.5  # seconds after which a device that should have fallen silent is closed anyway
DEVICE_LOOK_INTERVAL_S = 0.5  # seconds between two looks at a device
POSITION_S = 0.04  # seconds between two positions reported
LOUDEST, QUIETEST = 32767, -32768  # samples


class PlaybackBuffer:
    """s16le samples between their source and a device.

    Each counter has one writer, so the device's thread never waits for a lock.

    Args:
        stop: the exception that the callback raises to end the stream.

    Attributes:
        elsewhere: whether the device is another machine's, and `play_out` opens it.
        latency: seconds of the device's buffer.
        volume: a factor, for any thread to set: takes effect at once, without a click.
        lost: whether the device has stopped by itself; closing it would take more than a minute.
        underruns: the number of times the device had nothing to play, because the callback came too late.
    """

    elsewhere = False

    def __init__(
        self, stop: type[Exception], rate: int, channels: int, latency: float = 0.0, volume: float = 1.0
    ) -> None:
        self._stop = stop
        self._channels = channels
        self._frame = 2 * channels  # bytes
        self._rate = rate
        self._second = rate * self._frame  # bytes
        self.latency = latency
        self._limit = int(BUFFERED_S * rate) * self._frame
        self._dry_limit = int(DRY_S * rate) * self._frame
        self._fade = max(1, int(FADE_S * rate))  # frames
        self.volume = volume
        self.underruns = 0
        self._loudness = round(volume * self._fade)  # loudness of self._fade; on its way to the volume, or to 0
        self._chunks: deque[memoryview] = deque()
        self._added = 0  # bytes
        self._taken = 0  # bytes
        self._block = (0, 0.0)  # bytes taken before the last block of speech, and when it was taken
        self._position = 0.0  # seconds that were told
        self._silence = 0  # bytes since the last audio
        self._calls = 0  # number of calls of the callback
        self._ended = False
        self._error: BaseException | None = None
        self._abandoned = False
        self._hushed = False
        self._stopped = False  # whether we have stopped it, and not the device
        self._moved = threading.Event()  # wakes the caller
        self._room = threading.Event()  # wakes the thread that fills
        self._heard = threading.Event()  # all that the device was given
        self.lost = False

    # --- the thread that fills ---------------------------------------------------------------------------------------

    def fill(self, chunks: Iterable[bytes]) -> None:
        """Takes everything from `chunks`, never far ahead of the device; their errors are raised in the caller."""
        try:
            for chunk in whole_frames(chunks, self._frame):
                self._chunks.append(memoryview(chunk))
                self._added += len(chunk)
                self._moved.set()
                self._room.clear()  # the look comes later, so that a callback after it is not missed
                if self._added - self._taken > self._limit and not self._abandoned:
                    self._room.wait()
                if self._abandoned:
                    return
        except BaseException as error:
            self._error = error
        finally:
            self._ended = True
            self._moved.set()

    # --- the device's thread -----------------------------------------------------------------------------------------

    def callback(self, output: Any, frames: int, when: Any, status: Any) -> None:
        """Fills `output`, with silence where the speech is not ready yet."""
        if status and status.output_underflow:
            self.underruns += 1
        size = len(output)
        hushed = self._hushed
        loudness = 0 if hushed else round(self.volume * self._fade)
        block = (self._taken, time.monotonic())
        filled = self._pour(output, min(size, self._loudness * self._frame) if hushed else size)
        if filled:
            self._block = block
        if loudness != self._fade or self._loudness != self._fade:
            self._shade(output, filled, loudness)
        output[filled:size] = bytes(size - filled)
        self._silence = size - filled if filled else self._silence + size
        if hushed:
            over = self._loudness == 0 or not filled
        else:
            over = self._silence >= self._dry_limit or (self._ended and not self._chunks)
        self._calls += 1
        # Other threads are woken only when necessary: while they hold the interpreter, this one waits.
        if self._added - self._taken <= self._limit // 2:
            self._room.set()
        # PortAudio promises to play what it was given before it stops, but on ALSA throws it away: so its buffer must
        # hold nothing but silence.
        if over and self._silence >= self.latency * self._second:
            self._stopped = True
            raise self._stop  # the device then calls `finish`

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

    def _shade(self, output: Any, filled: int, loudness: int) -> None:
        """Fades the samples to `loudness`, a step a frame, and keeps the rest at the loudness that is reached."""
        size = filled - filled % self._frame
        samples = array("h", bytes(output[:size]))
        step = 1 if loudness > self._loudness else -1
        faded = 0
        while self._loudness != loudness and faded < len(samples):
            self._loudness += step
            for index in range(faded, faded + self._channels):
                samples[index] = self._loud(samples[index])
            faded += self._channels
        if self._loudness != self._fade:
            samples[faded:] = array("h", map(self._loud, samples[faded:]))
        output[:size] = samples.tobytes()

    def _loud(self, sample: int) -> int:
        return max(QUIETEST, min(LOUDEST, sample * self._loudness // self._fade))

    def finish(self) -> None:
        """Called when the device has stopped."""
        self._heard.set()
        self._moved.set()

    # --- the caller --------------------------------------------------------------------------------------------------

    def wait(self) -> bool:
        """Waits for audio; returns whether there is any more. Raises what the chunks raised."""
        while True:
            self._moved.clear()
            ended = self._ended  # read first: whoever sets it has set the others before
            if self._abandoned:
                return False
            if self._error is not None:
                raise self._error
            if self._chunks or ended:
                return bool(self._chunks)
            wait_until_set(self._moved, OVERLOOKED_S)

    def begin(self) -> None:
        """Prepares for a device that is about to be opened."""
        self._hushed = self._stopped = False
        self._silence = 0
        self._heard.clear()

    def hush(self) -> None:
        """Fades out and stops the device; what follows is kept for the next `begin`. For any thread."""
        self._hushed = True

    def play_out(self, on_position: Callable[[float], None] | None = None) -> None:
        """Waits until the device has stopped: all was heard, it was hushed, or nothing came for a while.

        Args:
            on_position: called every `POSITION_S`, and at the end, with the seconds of speech that have been heard.

        Raises:
            HushdError: `no_device` when the device has gone away.
            BaseException: what the chunks raised.
        """
        tick = DEVICE_LOOK_INTERVAL_S if on_position is None else POSITION_S
        calls, idle = self._calls, 0.0
        while not self._heard.is_set():
            wait_until_set(self._moved, tick)
            self._moved.clear()
            if self._error is not None:
                raise self._error
            # Ticks, not a clock: a process that goes on after Ctrl-Z would else take the device for lost.
            calls, idle = self._calls, (idle + tick if self._calls == calls else 0.0)
            self.lost = idle >= UNPLUGGED_AFTER_S or (self._heard.is_set() and not self._stopped)
            if self.lost:
                raise devices.lost("loudspeaker")
            self._report(on_position)
        self._report(on_position)  # the rest

    def _report(self, on_position: Callable[[float], None] | None) -> None:
        if on_position is not None:
            self._position = max(self._position, self._heard_bytes() / self._second)
            on_position(self._position)

    def fade_out(self) -> None:
        """Silences the device at once; returns when the fade has ended."""
        self.hush()
        if not self.lost:
            wait_until_set(self._heard, DEVICE_CLOSE_TIMEOUT_S)

    @property
    def done(self) -> bool:
        """True if everything was given to the device."""
        return self._ended and not self._chunks

    def _heard_bytes(self) -> float:
        if self._heard.is_set():
            return self._taken
        taken, taken_at = self._block
        return min(self._taken, taken + (time.monotonic() - taken_at - self.latency) * self._second)

    def abandon(self) -> None:
        """Ends playback: nothing more will be played."""
        self._abandoned = True
        self._room.set()
        self._moved.set()


def whole_frames(chunks: Iterable[bytes], frame: int) -> Iterator[bytes]:
    """Yields the chunks without half frames, behind which silence would shift all that follows by a byte."""
    remainder = b""
    for chunk in chunks:
        if remainder or len(chunk) % frame:
            chunk = remainder + bytes(chunk)
            size = len(chunk) - len(chunk) % frame
            chunk, remainder = chunk[:size], chunk[size:]
        yield chunk

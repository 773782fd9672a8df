"""The window that Whisper's encoder reads: as long as its speech, and encoded once for its language and all its texts.

Whisper learnt from windows of 30 s, padded with silence, and encoding takes the same time however much of that is
speech. A shorter silence gives the same words in half of the time (docs/BENCHMARKS.md); with hardly any, texts loop. So
a doubtful text from a short window is replaced by one from the whole window, before chance is tried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

FRAMES_PER_S = 100  # of both packages
# Seconds. Of 25 recordings of five languages in two sounds base got 269 of 1,174 words wrong by whole windows, 263 with
# 3 s of silence, 266 with 2 s; with 1 s one looped. Cut to 3 s, 23 of 25 had their language recognised in 12 and in 30.
_SILENCE_BEHIND_S = 3
_SHORTEST_WINDOW_S = 12
_WINDOW_STEP_S = 2  # windows of the same length make a batch
# The probability of the likeliest language below which it is asked of the whole window, too.
SURE = 0.6


class Window(threading.local):
    """The window at which one thread is.

    Attributes:
        short: whether it may be encoded as long as its speech: nowhere that no second text would be tried.
        sound: its features, whole, as an array or tensor whose last axis has a frame in each hundredth of a second.
        encoding: the encoder's output.
        first: the options of the first text from it.
    """

    short = False
    sound: Any = None
    encoding: Any = None
    first: Any = None
    _whole = True

    @property
    def fits(self) -> bool:
        """True if the encoding that is there serves for the same sound once more."""
        return self.sound is not None and (self._whole or self.short)

    def encode(self, sound: Any, spoken: int, encode: Callable[[int], Any]) -> None:
        """Encodes a window of which the first `spoken` frames are not padding. `encode` is given its number of
        frames."""
        frames = whole = int(sound.shape[-1])
        if self.short:
            step = _WINDOW_STEP_S * FRAMES_PER_S
            needed = -(-(spoken + _SILENCE_BEHIND_S * FRAMES_PER_S) // step) * step
            frames = min(whole, max(_SHORTEST_WINDOW_S * FRAMES_PER_S, needed))
        self.encoding, self.sound, self._whole = encode(frames), sound, frames == whole

    def again(self, encode: Callable[[int], Any]) -> bool:
        """Encodes the whole window if only a part of it was; returns whether it did."""
        if self._whole:
            return False
        self.encoding, self._whole = encode(int(self.sound.shape[-1])), True
        return True

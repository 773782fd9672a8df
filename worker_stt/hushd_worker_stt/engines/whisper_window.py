"""The window that Whisper's encoder reads: as long as its speech, and encoded once for its language and all its texts.

Whisper learnt from windows of 30 s, filled up with silence, and encoding takes the same time however much of that is
speech. Both packages fill with zeros, which are far louder than silence in their features: in a short window texts then
end early. With silence a short window has the same words in a quarter of the time where its text is sure
(docs/BENCHMARKS.md). Else the package's own window is asked, before chance is: of the words that base hears in it a
whole window with silence lost 12 of 201.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hushd_worker_stt.engine import Samples

T = TypeVar("T")
FRAMES_PER_S = 100  # frames a second of both packages
# Seconds of audio: the text of a shorter window is dropped; of 0.64 s base made "Das ist nicht so gut.".
MIN_WINDOW_S = 1.0
# Seconds. Of 25 recordings of five languages in two sounds base got 269 of 1,174 words wrong by whole windows, 263 with
# 3 s of silence, 266 with 2 s; with 1 s one looped. Cut to 3 s, 23 of 25 had their language recognised in 12 and in 30.
_SILENCE_BEHIND_S = 3
_SHORTEST_WINDOW_S = 12
_WINDOW_STEP_S = 2  # windows of the same length make a batch
_RANGE = 2.0  # range of the features of both packages, 80 dB: what is less than the loudest by more is silence
# The probability of the likeliest language below which it is asked of the whole window, too.
SURE_OF_LANGUAGE = 0.6


class Doubtful(Exception):
    """The package doubts its text of a short window, and would sample others from it. The whole window has them all:
    the likeliest of several may else be the short window's."""


class OfThread(Generic[T]):
    """An attribute of an engine with a `window`: of each thread that uses the engine its own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, engine: Any, kind: type) -> T:
        return getattr(engine.window, self._name)  # type: ignore[no-any-return]

    def __set__(self, engine: Any, value: T) -> None:
        setattr(engine.window, self._name, value)


class RestError(Exception):
    """Raised where the rest of a piece, behind its last sentence, is too short for a text."""


class Window(threading.local):
    """The window at which one thread is.

    Attributes:
        frames: of the piece whose windows follow.
        economy, degraded, check: of the piece, as in `Engine`.
        short: whether it may be encoded as long as its speech: nowhere that no second text would be tried.
        shortened: whether a window was, since this was last set to False.
    """

    economy = False
    degraded = False
    check: Callable[[], None] = staticmethod(lambda: None)
    frames = 0
    short = shortened = False
    encoding: Any = None
    _sound: Samples | None = None
    _encode: Callable[[Samples], Any]
    _is_whole = True

    def encode(self, sound: Samples, encode: Callable[[Samples], Any]) -> Any:
        """Returns the encoding of a window; the one that is there if that serves for the same sound once more.

        Args:
            sound: the features; the last axis has its frames, which are 0 where both packages pad it.
            encode: encodes as many frames as it is given.
        """
        serves = self._is_whole or self.short
        if not serves or not _same(self._sound, sound):
            part = _shortened(sound) if self.short else sound
            self.encoding, self._sound, self._encode = encode(part), sound, encode
            self._is_whole = part.shape == sound.shape
        self.shortened |= not self._is_whole
        return self.encoding

    def is_rest(self, sound: Samples) -> bool:
        """Returns whether a window has so little of a longer piece that its text would be dropped. That is often a
        doubtful one, of which several are made by chance: 17 s of French took 6.6 CPU s instead of 1.5."""
        return _spoken(sound) < MIN_WINDOW_S * FRAMES_PER_S <= self.frames

    def encode_whole(self) -> bool:
        """Encodes the whole window where only a part of it was; returns whether it did."""
        if self._is_whole or self._sound is None:
            return False
        self.encoding, self._is_whole = self._encode(self._sound), True
        self.shortened = False
        return True

    def check_sampled(self, sampled: bool) -> None:
        """Raises `Doubtful` where a text is to be `sampled` from a short window: the one before it was doubtful."""
        if sampled and not self._is_whole:
            raise Doubtful


def _same(before: Samples | None, sound: Samples) -> bool:
    return before is not None and before.shape == sound.shape and bool((before == sound).all())


def _shortened(sound: Samples) -> Samples:
    """Returns the speech of a window with silence behind it; `sound` itself if that saves nothing."""
    frames, end = sound.shape[-1], _spoken(sound)
    step = _WINDOW_STEP_S * FRAMES_PER_S
    needed = max(_SHORTEST_WINDOW_S * FRAMES_PER_S, -(-(end + _SILENCE_BEHIND_S * FRAMES_PER_S) // step) * step)
    if needed >= frames:
        return sound
    part = sound[..., :needed].copy()
    part[..., end:] = part.ravel().max(axis=0) - _RANGE
    return part


def _spoken(sound: Samples) -> int:
    """Returns the frames of a window that are not filled up with zeros."""
    audible: Any = sound.reshape(-1, sound.shape[-1]).any(axis=0)
    spoken = audible.nonzero()[0]
    return int(spoken[-1]) + 1 if len(spoken) else 0

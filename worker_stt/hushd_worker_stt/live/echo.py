"""Cancels echo: removes hushd's own voice, played by a loudspeaker, from the microphone's signal.

If the microphone gets an exact copy of the played signal (a loop inside a sound server, a cable, a virtual device), the
echo is a delay and a short filter. Both can be computed without damage to the person's voice. In a room the echo is
neither short nor exact. So the remainder is measured, and until the echo is known to be gone the microphone counts as
silent during playback: half duplex, in which hushd never hears itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

FRAME = 512  # samples cleaned at once, 32 ms
_REACH = 12_000  # samples: the longest delay of an echo, 0.75 s
_TAPS = 96  # of the filter, 6 ms: resampling, and a cable; from 128 on LAPACK uses threads, and takes 80 times as long
_EARLY = 32  # of them before the delay
_LOOK = 8_192  # samples that are searched for the delay, 0.5 s
_LOOK_EVERY = 4  # frames
_KEPT = 0.95  # the filter's forgetting factor per frame: 0.6 s
_AUDIBLE = 1e-8  # mean square, -80 dB: anything quieter is not an echo
_GONE = 0.01  # of a frame's power, -20 dB: if less is left, all of the frame was echo
_PERSON = 0.01  # of the echo's power: more is left if a person speaks
_SURE = 3.0  # recent frames without a rest, which a person who speaks all the time does not exceed
_FADING = 0.95  # forgetting factor of their count
_HANG = 3_200  # samples after the end of an echo in a room: 0.2 s
_UNKNOWN = 6_400  # samples: the assumed delay while it is unknown
_TRIED = 8  # frames with a large rest, after which the rest counts as a person
_LOST = 94  # frames with a large rest, minus those with a small one, that end the lock: 3 s
_EXPLAINED = 0.1  # of the rest: if another filter leaves less, it was echo and not a person
_WINDOWS = (4, 3, 2)  # frames on which that is tried, since frames before the change cannot be explained
_FLOOR = 1e-12


class EchoCanceller:
    """Removes the played signal from the recorded one, frame by frame.

    Attributes:
        gone: whether the echo is certainly removed; while False, frames that may contain one are returned silent.
    """

    def __init__(self) -> None:
        self._played = np.zeros(_REACH + _LOOK)  # the newest last
        self._recorded = np.zeros(_LOOK)
        self._left = np.zeros(max(_WINDOWS) * FRAME)
        self._waiting = np.zeros(FRAME, np.float32)  # recorded but not cleaned yet
        self._lag: int | None = None  # samples
        self._since_look = 0
        self.gone = False
        self._forget()

    def clean(self, frame: Samples) -> Samples:
        """Returns the recorded signal without the played one.

        Args:
            frame: the next `FRAME` samples of both, a row each; fewer only at the very end. The returned frame was
                recorded one frame before, so that even an echo that seems to come too early is found.
        """
        newest, played = frame.T
        if len(frame) < FRAME:
            return np.zeros_like(newest)
        recorded, self._waiting = self._waiting, newest.copy()
        self._played = _shifted(self._played, played)
        self._recorded = _shifted(self._recorded, recorded)
        if not self._possible():
            self._left = _shifted(self._left, recorded)
            return recorded
        self._look()
        self._left = _shifted(self._left, self._take_out())
        if 1 < self._odd < _TRIED:
            self.explains()
        return np.asarray(self._left[-FRAME:], np.float32) if self.gone else np.zeros_like(recorded)

    @property
    def counts(self) -> bool:
        """True if the last frame is loud enough to be a person and not the rest of an echo."""
        return self._rest >= _PERSON * self._echo

    def explains(self) -> bool:
        """Returns whether the rest of the last frames is an echo whose path has changed, and not a person.

        If so, the new path is used from now on.
        """
        if not self.gone or np.square(self._played[-_REACH:]).max() < _AUDIBLE:
            return False
        return any(self._explain(frames * FRAME) for frames in _WINDOWS)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self.gone = False
        self._squares = np.zeros((_TAPS, _TAPS))
        self._products = np.zeros(_TAPS)
        self._taps = np.zeros(_TAPS)
        self._good = 0.0  # recent frames without a rest
        self._echo = self._rest = 0.0  # mean squares of the last frame
        self._odd = 0  # frames with a large rest, minus those with a small one

    def _explain(self, count: int) -> bool:
        """Returns whether another filter explains the last `count` samples; if so it becomes the filter."""
        recorded = self._recorded[-count:]
        allowed = _EXPLAINED * float(np.square(self._left[-count:]).mean())
        for lag in (self._lag or 0, self._find(count)):
            played = self._around(lag, count)
            squares, products = _squares(played), np.correlate(played, recorded, "valid")[::-1]
            taps = _solve(squares, products)
            left = recorded - np.convolve(played, taps, "valid")
            power = float(np.square(left).mean())
            if power <= allowed:
                self._forget()
                self._lag, self._taps, self.gone = lag, taps, True
                self._squares, self._products = squares / (power + _AUDIBLE), products / (power + _AUDIBLE)
                self._left[-count:] = left
                return True
        return False

    def _possible(self) -> bool:
        """Returns whether an echo may be in the newest frame."""
        late = _UNKNOWN if self._lag is None else self._lag + (_TAPS if self.gone else _HANG)
        if float(np.square(self._played[-late - FRAME :]).max()) >= _AUDIBLE:
            return True
        self._echo = self._rest = 0.0
        return False

    def _look(self) -> None:
        """Searches for the delay if it is unknown or no longer right."""
        self._since_look += 1
        if self._since_look < _LOOK_EVERY:
            return
        self._since_look = 0
        if not self.gone:
            lag = self._find(_LOOK)
            if self._lag is None or abs(lag - self._lag) > _EARLY // 4:
                self._lag = lag
                self._forget()
        elif self._odd >= _LOST:
            self._forget()

    def _take_out(self) -> Any:
        """Removes the echo from the newest frame and learns from it; returns the rest."""
        recorded = self._recorded[-FRAME:]
        if self._lag is None:
            return recorded
        played = self._around(self._lag, FRAME)
        echo = np.convolve(played, self._taps, "valid")
        left = recorded - echo
        power = float(np.square(recorded).mean())
        self._echo, self._rest = float(np.square(echo).mean()), float(np.square(left).mean())
        if power > _AUDIBLE:
            self._odd = max(0, self._odd + (1 if self._rest > _EXPLAINED * power else -1))
        if float(np.square(played).mean()) < _AUDIBLE:
            return left
        weight = 1.0 / (self._rest + _AUDIBLE)  # a person's voice is loud and tells nothing about the echo
        self._squares = _KEPT * self._squares + weight * _squares(played)
        self._products = _KEPT * self._products + weight * np.correlate(played, recorded, "valid")[::-1]
        self._taps = _solve(self._squares, self._products)
        self._good = _FADING * self._good + (self._rest < _GONE * power)
        self.gone = self.gone or self._good >= _SURE
        return left

    def _find(self, count: int) -> int:
        """Returns the delay at which the last `count` recorded samples are most like the played ones."""
        recorded, played = self._recorded[-count:], self._played[-count - _REACH :]
        size = 1 << (len(played) + count - 1).bit_length()
        product = np.fft.rfft(played, size).conj() * np.fft.rfft(recorded, size)
        magnitude = np.abs(product)
        likeness = np.fft.irfft(product / (magnitude + 1e-3 * magnitude.max() + _FLOOR), size)
        lags = np.arange(_EARLY, _REACH - _TAPS)
        return int(lags[np.argmax(np.abs(likeness[lags - _REACH]))])

    def _around(self, lag: int, count: int) -> Any:
        """Returns the samples played `lag` before the last `count`, with the few before and after them for the taps."""
        end = len(self._played) - lag + _EARLY
        return self._played[end - count - _TAPS + 1 : end]


def _squares(played: Any) -> Any:
    """Returns the sums of products of `played` with itself, for each pair of the taps' shifts.

    Each diagonal is one sum, updated by the samples that leave and enter it at its ends: a twentieth of the work of a
    product of matrices, which numpy would divide among threads that wait for each other on a busy machine.
    """
    newest, before = played[::-1][:_TAPS], played[: _TAPS - 1][::-1]
    squares = np.empty((_TAPS, _TAPS))
    squares[0] = squares[:, 0] = np.correlate(played, played[_TAPS - 1 :], "valid")[::-1]
    for tap in range(1, _TAPS):
        row = squares[tap - 1, :-1] + before[tap - 1] * before - newest[tap - 1] * newest[:-1]
        squares[tap, 1:] = row
    return squares


def _solve(squares: Any, products: Any) -> Any:
    """Returns the taps by least squares, regularised for frequencies that were hardly ever played."""
    ridge = 1e-5 * float(np.trace(squares)) / _TAPS + _FLOOR
    return np.linalg.solve(squares + ridge * np.eye(_TAPS), products)


def _shifted(tail: Any, new: Samples) -> Any:
    return np.concatenate((tail[len(new) :], new))

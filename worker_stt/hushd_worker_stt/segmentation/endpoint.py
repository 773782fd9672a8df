"""Finds the beginning and the end of an utterance by its sound. Pure: frames in, states out, time counted in audio."""

from __future__ import annotations

from collections import deque
from enum import Enum

from hushd_worker_stt.engine import RATE

FRAME = 512  # samples that the detector judges at once

# The detector's probability that begins an utterance, and the lower one that continues it, for the soft ends of words.
# Noise, hum, clicks, taps and coughs stay below 0.42; of 8 people, at any level, half had begun 0.12 s after the first
# sound.
_BEGIN = 0.5
_STAY = 0.35
_BEGINNING_FRAMES = 3  # frames at `_BEGIN` within `_WINDOW` that make a beginning: 0.1 s
_WINDOW = 8  # frames


class State(Enum):
    """The state of an utterance. ENDED and NOBODY are final."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    PAUSING = "pausing"  # quiet after speech, not long enough yet
    ENDED = "ended"
    NOBODY = "nobody"


class Endpointer:
    """Follows one utterance at a time.

    Args:
        silence_s: the quiet after speech that ends the utterance, unless `wait_for` sets another one for a pause.
        no_speech_s: the time without a beginning after which the state is NOBODY; 0: never.
    """

    def __init__(self, silence_s: float, no_speech_s: float) -> None:
        self._usual = self._silence = _frames(silence_s)
        self._patience = round(no_speech_s * RATE / FRAME)
        self.wait(heard=True)

    @property
    def quiet_s(self) -> float:
        """Returns the seconds of quiet since the last spoken frame of this utterance."""
        return self._quiet * FRAME / RATE

    @property
    def begun_s(self) -> float:
        """Returns the seconds since the first of the spoken frames of the beginning; valid when the beginning is
        noticed."""
        return (len(self._recent) - self._recent.index(True)) * FRAME / RATE

    def wait(self, *, heard: bool) -> None:
        """Waits for the next utterance.
        `heard`: whether there was an utterance, so that `no_speech_s` starts again; after a cough the time goes on."""
        self.state = State.WAITING
        self._recent: deque[bool] = deque(maxlen=_WINDOW)
        self._quiet = 0
        self._silence = self._usual
        if heard:
            self._frames = 0  # frames since the call

    def wait_for(self, seconds: float) -> None:
        """Sets the quiet that ends the utterance in this pause; the next pause has the usual one."""
        self._silence = _frames(seconds)

    def feed(self, probability: float) -> State:
        """Adds the detector's probability for the next frame; returns the state after it."""
        self._frames += 1
        if self.state is State.WAITING:
            self._recent.append(probability >= _BEGIN)
            if self._recent[-1] and sum(self._recent) >= _BEGINNING_FRAMES:
                self.state = State.SPEAKING
            elif 0 < self._patience <= self._frames:
                self.state = State.NOBODY
        elif self.state in (State.SPEAKING, State.PAUSING):
            self._quiet = 0 if probability >= _STAY else self._quiet + 1
            if self._quiet == 0:
                self.state, self._silence = State.SPEAKING, self._usual
            elif self._quiet >= self._silence:
                self.state = State.ENDED
            else:
                self.state = State.PAUSING
        return self.state


def _frames(seconds: float) -> int:
    return max(1, round(seconds * RATE / FRAME))

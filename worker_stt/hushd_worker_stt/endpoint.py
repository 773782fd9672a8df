"""When a person has begun to speak, and when they have finished. Pure: frames in, states out, time counted in audio."""

from __future__ import annotations

from enum import Enum

from .engine import FRAME, RATE

_BEGIN = 4  # spoken frames within `_WINDOW` that make a beginning: 0.13 s, longer than a click or a bump
_WINDOW = 12  # frames


class State(Enum):
    """Where an utterance is. ENDED and NOBODY are final."""

    WAITING = "waiting"
    SPEAKING = "speaking"
    PAUSING = "pausing"  # spoken, now quiet, not long enough yet
    ENDED = "ended"
    NOBODY = "nobody"


class Endpointer:
    """Follows one utterance.

    Args:
        silence_s: quiet after speech that ends the utterance.
        no_speech_s: time without a beginning after which nobody is there. Counts from the start of the audio, also
            across `again`.
    """

    def __init__(self, silence_s: float, no_speech_s: float) -> None:
        self._silence = max(1, round(silence_s * RATE / FRAME))
        self._no_speech = max(1, round(no_speech_s * RATE / FRAME))
        self._frames = 0
        self.again()

    @property
    def quiet_s(self) -> float:
        """Seconds of quiet since the last spoken frame of this utterance."""
        return self._quiet * FRAME / RATE

    def again(self) -> None:
        """What was heard was no speech after all (a cough): wait on."""
        self.state = State.WAITING
        self._recent: list[bool] = []
        self._quiet = 0

    def feed(self, spoken: bool) -> State:
        """Takes the detector's word on the next frame; returns the state after it."""
        self._frames += 1
        if self.state is State.WAITING:
            self._recent = [*self._recent, spoken][-_WINDOW:]
            if spoken and sum(self._recent) >= _BEGIN:
                self.state = State.SPEAKING
            elif self._frames >= self._no_speech:
                self.state = State.NOBODY
        elif self.state in (State.SPEAKING, State.PAUSING):
            self._quiet = 0 if spoken else self._quiet + 1
            if spoken:
                self.state = State.SPEAKING
            elif self._quiet >= self._silence:
                self.state = State.ENDED
            else:
                self.state = State.PAUSING
        return self.state

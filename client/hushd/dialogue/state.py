"""The state machine of one exchange: something is said and answered. Pure: events in, phases out."""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """A state of an exchange. OVER is final."""

    SPEAKING = "speaking"
    INTERRUPTED = "interrupted"  # somebody speaks, and the loudspeaker is about to fall silent
    ANSWERED = "answered"  # they have finished, and it still is
    DEAF = "deaf"  # speaking, and the transcription has ended
    WAITING = "waiting"  # silence: nobody has begun to answer
    HEARING = "hearing"
    OVER = "over"


class Event(Enum):
    """An event in an exchange."""

    SAID = "said"  # the loudspeaker is silent, at the end or before it
    BEGAN = "began"  # somebody has begun to speak
    NOTHING = "nothing"  # that was a cough
    HEARD = "heard"  # they have finished; or the transcription has failed
    NOBODY = "nobody"  # nobody has begun in time, or no answer is needed


TABLE = {
    (Phase.SPEAKING, Event.BEGAN): Phase.INTERRUPTED,
    (Phase.SPEAKING, Event.HEARD): Phase.DEAF,
    (Phase.SPEAKING, Event.SAID): Phase.WAITING,
    (Phase.INTERRUPTED, Event.SAID): Phase.HEARING,
    (Phase.INTERRUPTED, Event.NOTHING): Phase.SPEAKING,
    (Phase.INTERRUPTED, Event.HEARD): Phase.ANSWERED,
    (Phase.ANSWERED, Event.SAID): Phase.OVER,
    (Phase.DEAF, Event.SAID): Phase.OVER,
    (Phase.WAITING, Event.BEGAN): Phase.HEARING,
    (Phase.WAITING, Event.HEARD): Phase.OVER,
    (Phase.WAITING, Event.NOBODY): Phase.OVER,
    (Phase.HEARING, Event.NOTHING): Phase.WAITING,
    (Phase.HEARING, Event.HEARD): Phase.OVER,
}


class DialogueState:
    """One exchange, from the first word to the end of the answer.

    Attributes:
        phase: the state.
        interrupted: whether a person began to speak before the end of the speech.
        heard: whether the transcription has ended.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.interrupted = False
        self.heard = False

    def advance(self, event: Event) -> Phase:
        """Returns the phase after `event`; an event that comes too late, or too early, changes nothing."""
        expected = (self.phase, event) in TABLE
        self.phase = TABLE.get((self.phase, event), self.phase)
        self.interrupted |= self.phase is Phase.INTERRUPTED
        self.heard |= expected and event is Event.HEARD
        return self.phase

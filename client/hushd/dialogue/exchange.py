"""One exchange of a conversation: its states, how much was said, and how a wait is cancelled from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd.floor import Floor
    from hushd.synthesis.speech import Speech
    from hushd.transcripts.transcript import Transcript, Transcription


class DialogueClient(Protocol):
    """The methods of `hushd.Client` for one turn after another."""

    def synthesize(self, *args: Any, **options: Any) -> Speech: ...

    def listen(self, *args: Any, **options: Any) -> Transcription: ...

    def floor(self, *args: Any, **options: Any) -> Floor: ...

    def preload(self, *args: Any, **options: Any) -> object: ...


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
    NOTHING = "nothing"  # a cough was heard
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


@dataclass(frozen=True, slots=True)
class Said:
    """The part of a speech that was heard.

    Attributes:
        interrupted: whether a person spoke before its end, and it stopped.
        characters: of the text (code points) that were spoken, up to the end of a word.
        seconds: of speech that were played.
        voice: the voice that spoke, where the speech was made to its end.
        heard: the words of the person who interrupted; None: nobody did, or it was only a cough.
    """

    interrupted: bool = False
    characters: int = 0
    seconds: float = 0.0
    voice: str = ""
    heard: Transcript | None = None


def characters(speech: Speech, seconds: float | None) -> int:
    """Returns the characters of the text (code points) spoken in so many seconds, in whole words; None: in all."""
    words = [word for sentence in speech.timeline for word in sentence.words or (sentence,)]
    spoken_words = words if seconds is None else [word for word in words if word.end <= seconds]
    return max((word.text_end for word in spoken_words), default=0)


class CancelScope:
    """Called once, it ends the work inside `ending` blocks, and inside every block entered later.

    Inside `with stop.ending(transcription.close):` a call of `stop` on another thread closes the transcription, and
    the block raises `cancelled`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.called = False

    def __call__(self) -> None:
        """Safe to call twice."""
        with self._lock:
            self.called = True
            ends = list(reversed(self._ends))
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` when the block is left, and before that when the scope is called; `end` is safe to call twice.
        Raises `cancelled` after a call: on entering, and instead of a HushdError that the block raises."""
        with self._lock:
            if not self.called:
                self._ends.append(end)
        try:
            self.check()
            yield
        except HushdError:
            self.check()
            raise
        finally:
            with self._lock:
                if end in self._ends:
                    self._ends.remove(end)
            end()

    def check(self) -> None:
        """Raises `cancelled` after a call."""
        if self.called:
            raise HushdError("cancelled", "It was stopped.")

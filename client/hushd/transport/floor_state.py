"""The state of a claim to devices: entry, answers, a stop and the return come in, actions come out. Pure."""

from __future__ import annotations

from enum import Enum, auto

from hushd_protocol.errors import HushdError


class Phase(Enum):
    OUTSIDE = auto()  # nothing is wanted
    ASKED = auto()  # there is no answer yet
    WAITING = auto()  # others have them, or a person has paused us
    HELD = auto()  # they are ours
    HANDING_OVER = auto()  # they are ours; who granted them has left, and the next supervisor is asked
    LOST = auto()  # an error has ended the claim
    STOPPED = auto()  # for good


class Action(Enum):
    TELL_LOSS = auto()  # players must fall silent
    HAND_OVER = auto()  # claim from the next supervisor what is ours


_RETURNED = HushdError("cancelled", "The floor was given back.")


class FloorState:
    """The state of a `Floor`.

    Attributes:
        claim: the last one; news of others are dropped.
        old_claim: the claim of a supervisor that has left, while the next one has not answered.
        word: the state of the last turn that was received.
        error: why the devices are not ours, nor will be by this claim.
    """

    def __init__(self) -> None:
        self.claim = self.old_claim = b""
        self.phase, self.word = Phase.OUTSIDE, ""
        self.error: HushdError | None = _RETURNED

    @property
    def held(self) -> bool:
        return self.phase in (Phase.HELD, Phase.HANDING_OVER)

    def enter(self) -> None:
        """Raises HushdError: `cancelled` after a stop."""
        if self.phase is Phase.STOPPED and self.error:
            raise self.error
        self._set_state(Phase.ASKED)

    def ask(self, claim: bytes, old_claim: bytes = b"") -> None:
        """Claims the devices; those of `old_claim` stay ours meanwhile.

        Raises:
            HushdError: `cancelled` when they were given back or stopped meanwhile.
        """
        if not self._wants(old_claim):
            raise self.error or HushdError("cancelled", "Another claim has taken its place.")
        self.claim = claim
        if not old_claim:
            self._set_state(Phase.ASKED)

    def answer(self, claim: bytes, word: str, error: HushdError | None = None) -> Action | None:
        """A turn with its state, or the error that ends it."""
        if claim != self.claim or self.phase in (Phase.OUTSIDE, Phase.STOPPED):
            return None
        if self.phase is Phase.HELD and error is not None and error.code == "shutting_down":
            self.phase, self.old_claim = Phase.HANDING_OVER, claim
            return Action.HAND_OVER
        held = self.held
        self._set_state(Phase.HELD if word == "granted" else Phase.WAITING if word else Phase.LOST, word, error)
        return Action.TELL_LOSS if held and not self.held else None

    def find_nobody(self, old_claim: bytes = b"") -> None:
        """There is no supervisor, so nobody else asks for the devices either."""
        if self._wants(old_claim):
            self._set_state(Phase.HELD)

    def stop(self) -> Action:
        """Ends this claim and all later ones."""
        self._set_state(Phase.STOPPED, error=HushdError("cancelled", "It was stopped."))
        return Action.TELL_LOSS

    def leave(self) -> None:
        """The devices are given back."""
        if self.phase is not Phase.STOPPED:
            self._set_state(Phase.OUTSIDE, error=_RETURNED)

    def _wants(self, old_claim: bytes) -> bool:
        return self.phase not in (Phase.OUTSIDE, Phase.STOPPED) and old_claim == self.old_claim

    def _set_state(self, phase: Phase, word: str = "", error: HushdError | None = None) -> None:
        self.phase, self.old_claim, self.word, self.error = phase, b"", word, error

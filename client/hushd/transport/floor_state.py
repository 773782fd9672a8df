"""The state of a claim to devices: entering, answers, a stop and the return come in, what to do comes out. Pure."""

from __future__ import annotations

from enum import Enum, auto

from hushd_protocol.errors import HushdError


class Phase(Enum):
    OUTSIDE = auto()  # nothing is wanted
    ASKED = auto()  # there is no answer yet
    WAITING = auto()  # others have them, or a person has paused us
    HELD = auto()  # they are ours
    PASSING = auto()  # they are ours; who granted them has left, and the next supervisor is asked
    LOST = auto()  # an error has ended the claim
    STOPPED = auto()  # for good


class Action(Enum):
    TELL_LOSS = auto()  # players must fall silent
    PASS_OVER = auto()  # claim from the next supervisor what is ours


_RETURNED = HushdError("cancelled", "The floor was given back.")


class FloorState:
    """The state of a `Floor`.

    Attributes:
        claim: the last one; news of others are dropped.
        passed: the claim of a supervisor that has left, while the next one has not answered.
        word: the state of the last turn that was received.
        error: why the devices are not ours, nor will be by this claim.
    """

    def __init__(self) -> None:
        self.claim = self.passed = b""
        self.phase, self.word = Phase.OUTSIDE, ""
        self.error: HushdError | None = _RETURNED

    @property
    def held(self) -> bool:
        return self.phase in (Phase.HELD, Phase.PASSING)

    def enter(self) -> None:
        """Raises HushdError: `cancelled` after a stop."""
        if self.phase is Phase.STOPPED and self.error:
            raise self.error
        self._become(Phase.ASKED)

    def ask(self, claim: bytes, passed: bytes = b"") -> None:
        """Claims the devices; or those `passed` by another claim, which stay ours.

        Raises:
            HushdError: `cancelled` when they were given back or stopped meanwhile.
        """
        if not self._wants(passed):
            raise self.error or HushdError("cancelled", "Another claim has taken its place.")
        self.claim = claim
        if not passed:
            self._become(Phase.ASKED)

    def answer(self, claim: bytes, word: str, error: HushdError | None = None) -> Action | None:
        """A turn with its state, or the error that ends it."""
        if claim != self.claim or self.phase in (Phase.OUTSIDE, Phase.STOPPED):
            return None
        if self.phase is Phase.HELD and error is not None and error.code == "shutting_down":
            self.phase, self.passed = Phase.PASSING, claim
            return Action.PASS_OVER
        held = self.held
        self._become(Phase.HELD if word == "granted" else Phase.WAITING if word else Phase.LOST, word, error)
        return Action.TELL_LOSS if held and not self.held else None

    def find_nobody(self, passed: bytes = b"") -> None:
        """There is no supervisor, so nobody else asks for the devices either."""
        if self._wants(passed):
            self._become(Phase.HELD)

    def stop(self) -> Action:
        """Ends this claim and all later ones."""
        self._become(Phase.STOPPED, error=HushdError("cancelled", "It was stopped."))
        return Action.TELL_LOSS

    def leave(self) -> None:
        """The devices are given back."""
        if self.phase is not Phase.STOPPED:
            self._become(Phase.OUTSIDE, error=_RETURNED)

    def _wants(self, passed: bytes) -> bool:
        return self.phase not in (Phase.OUTSIDE, Phase.STOPPED) and passed == self.passed

    def _become(self, phase: Phase, word: str = "", error: HushdError | None = None) -> None:
        self.phase, self.passed, self.word, self.error = phase, b"", word, error

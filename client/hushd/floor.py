"""The floor: the right to use the speaker or the microphone, which the supervisor grants to one program at a time.

`FloorState` decides, and is pure. Its events come from the program and from the I/O thread; `Floor` does its actions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Error, Message, Result, Turn, Yield

from .transport.call import new_id
from .transport.connection import Connection
from .transport.link import GONE, Link
from .transport.retry import with_connection
from .transport.steps import Steps, Way, run

NEXT_S = 2.0  # for another supervisor to come by itself
PAUSE_S = 0.02  # between two looks whether it listens
ATTEMPTS = 3  # supervisors that may be lost one after the other while we wait


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


class Floor:
    """A claim to devices. Inside the `with` block they are ours; entering it waits for that. The block may be entered
    again, also inside itself, where the outer block counts.

    Devices can be taken away: for something more urgent, or by a person who pauses or stops it. `held` is False from
    then on, and `on_loss` is called, on another thread: a player must fall silent within a second and call `keep` or
    leave the block.

    Without a supervisor nobody else asks either, and the devices are ours. One that leaves has the next one keep them
    for us: they stay ours while that is asked, and `on_loss` is called only if it has other plans.

    Args:
        on_hold: called, on any thread, with whether the devices are ours, whenever that changes; it must be quick.

    Attributes:
        number: of this turn in `hushd status`, for `hushd stop`, `pause` and `resume`.
        on_loss: called on another thread, so it must be quick; or None.
    """

    def __init__(
        self,
        way: Way,
        devices: Sequence[str],
        priority: str,
        on_wait: Callable[[str], None] | None = None,
        on_hold: Callable[[bool], None] | None = None,
    ) -> None:
        self._way = way
        self._devices = list(devices)
        self._priority = priority
        self._on_wait, self._on_hold = on_wait, on_hold
        self._changed = threading.Condition()  # guards the state and its connection
        self._state = FloorState()
        self._connection: Connection | None = None
        self._depth = 0  # of blocks within each other
        self._reported = False  # the last that `on_hold` was called with
        self.number = 0
        self.on_loss: Callable[[], None] | None = None

    def __enter__(self) -> Floor:
        if self._depth:
            self.keep()
        else:
            with self._changed:
                self._state.enter()
            try:
                self._ask()
                self._wait()
            except BaseException:
                self.give_back()
                raise
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.give_back()

    @property
    def held(self) -> bool:
        """True if the devices are ours."""
        return self._state.held

    @property
    def id(self) -> bytes:
        """The claim's."""
        return self._state.claim

    def keep(self) -> None:
        """Returns at once while the devices are ours; else yields them and waits until they are ours again.

        Raises:
            HushdError: `cancelled` when they will not be.
        """
        if not self.held:
            if self._state.phase is not Phase.STOPPED:
                self._post(keep=True)  # confirms that they were taken, and that we wait to have them again
            self._wait()

    def while_held(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yields `chunks` of the microphone, and waits while it is not ours. Raises as `keep` does."""
        for chunk in chunks:
            self.keep()
            yield chunk

    def give_back(self) -> None:
        """Gives the devices back. Safe to call when they are not ours."""
        try:
            self._give_back()
        except BaseException:  # Ctrl-C: nobody would do it any more
            self._give_back()
            raise

    def _give_back(self) -> None:
        with self._changed:
            self._post(keep=False)
            self._connection = None
            self._state.leave()
            self._notify()

    def stop(self) -> None:
        """Ends this claim for good, from any thread: players fall silent, `keep` and entering raise `cancelled`.

        The devices are given back when the block is left: until then the end of a fade may still be heard.
        """
        self._do(self._state.stop)

    @property
    def lender(self) -> Link | None:
        """The link to the machine whose devices these are; None for this one."""
        return self._way if isinstance(self._way, Link) and self._way.devices else None

    # --- the supervisor's answers, on the I/O thread -----------------------------------------------------------------

    def receive(self, message: Message) -> bool:
        """Receives an answer; returns whether it was the last one."""
        if isinstance(message, Turn):
            self._do(partial(self._state.answer, message.id, message.state))
            self.number = message.number
        elif isinstance(message, Error):
            self._do(partial(self._state.answer, message.id, "", message.exception()))
        return isinstance(message, Error | Result)

    def end(self, error: BaseException | None = None) -> None:
        """Called when the connection is lost."""
        if isinstance(error, HushdError):
            self._do(lambda: self._state.answer(self.id, "", error))

    def _do(self, event: Callable[[], Action | None]) -> None:
        """Applies an event to the state, and does the action that follows."""
        with self._changed:
            action = event()
            self._notify()
        if action is Action.HAND_OVER:
            threading.Thread(
                target=self._hand_over, args=(self._state.old_claim,), name="hushd-floor", daemon=True
            ).start()
        elif action is Action.TELL_LOSS and self.on_loss is not None:
            self.on_loss()

    def _hand_over(self, old_claim: bytes) -> None:
        """Claims from the next supervisor the devices that we have; on a thread of its own.

        That comes by itself after a restart. To start one would stop all of this program for as long as the machine
        takes to begin a process, which could be heard.
        """
        give_up = time.monotonic() + NEXT_S
        try:
            while self._state.old_claim == old_claim and not self._way.listens() and time.monotonic() < give_up:
                time.sleep(PAUSE_S)
            self._ask(old_claim)
        except HushdError as caught:
            error = caught
            self._do(lambda: self._state.answer(self.id, "", error) if self._state.old_claim == old_claim else None)

    def _notify(self) -> None:
        """Wakes all waiting threads; under the lock, on any thread."""
        self._changed.notify_all()
        if self._on_hold is not None and self.held is not self._reported:
            self._reported = self.held
            self._on_hold(self._reported)

    # --- claims ------------------------------------------------------------------------------------------------------

    def _ask(self, old_claim: bytes = b"") -> None:
        """Claims the devices, which stay ours meanwhile if we have them by `old_claim`."""
        claim = Claim(id=new_id(), devices=self._devices, priority=self._priority)

        def carry(connection: Connection) -> Steps[None]:
            with self._changed:
                self._state.ask(claim.id, old_claim)
                self._connection = connection
                connection.carry(self, claim)  # here, so that the claim precedes what gives it back
            yield from ()

        try:
            # The claim may have been released meanwhile, and the client closed; then do not reconnect.
            needed = lambda: old_claim in (b"", self._state.old_claim)  # noqa: E731
            run(with_connection(self._way, carry, needed=needed))
        except HushdError as error:
            # The speech is there already: better to play it than to keep it because no supervisor can grant the floor.
            if error.code != "no_supervisor":
                raise
            with self._changed:
                self._connection = None
                self._state.find_nobody(old_claim)
                self._notify()

    def _wait(self) -> None:
        """Waits until the devices are ours; asks the next supervisor when one is lost meanwhile."""
        state = self._state
        self._wait_for(lambda: state.word or state.held or state.error)
        if state.phase is Phase.WAITING and self._on_wait is not None:
            self._on_wait(state.word)
        for attempt in range(1, ATTEMPTS + 1):
            self._wait_for(lambda: state.held or state.error)
            if (error := state.error) is None:
                return
            if error.code not in GONE or attempt == ATTEMPTS:
                raise error
            self._ask()

    def _wait_for(self, condition: Callable[[], object]) -> None:
        with self._changed:
            self._changed.wait_for(condition)

    def _post(self, keep: bool) -> None:
        if self._connection is not None:
            self._connection.post(Yield(id=self.id, keep=keep))

"""The floor: the right to use the speaker or the microphone, which the supervisor grants to one program at a time.

`FloorState` decides, and is pure. Its events come from the program and from the I/O thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Error, Message, Result, Turn, Yield

from .transport.call import new_id
from .transport.connection import Connection
from .transport.link import GONE, Link
from .transport.retry import with_connection
from .transport.steps import Steps, run
from .transport.waiting import wait_for

ATTEMPTS = 3  # supervisors that may be lost one after the other while we wait


class Phase(Enum):
    OUTSIDE = auto()  # nothing is wanted
    ASKED = auto()  # the claim has no answer yet
    WAITING = auto()  # others have them, or a person has paused us
    HELD = auto()  # they are ours
    LOST = auto()  # an error has ended the claim
    STOPPED = auto()  # the claim is over for good


_RETURNED = HushdError("cancelled", "The floor was given back.")


class FloorState:
    """The state of a `Floor`.

    Attributes:
        claim: the last one; news of others are dropped.
        word: the state of the last turn that was received.
        error: why the devices are not ours, nor will be by this claim.
    """

    def __init__(self) -> None:
        self.claim = b""
        self.phase, self.word = Phase.OUTSIDE, ""
        self.error: HushdError | None = _RETURNED

    @property
    def held(self) -> bool:
        return self.phase is Phase.HELD

    def enter(self) -> None:
        """Raises HushdError: `cancelled` after a stop."""
        if self.phase is Phase.STOPPED and self.error:
            raise self.error
        self._set_state(Phase.ASKED)

    def ask(self, claim: bytes) -> None:
        """Claims the devices. Raises `cancelled` when they were given back or stopped meanwhile."""
        if self._is_over and self.error:
            raise self.error
        self.claim = claim
        self._set_state(Phase.ASKED)

    def answer(self, claim: bytes, word: str, error: HushdError | None = None) -> bool:
        """Takes the state of a turn, or the error that ends it; returns whether players must fall silent."""
        if claim != self.claim or self._is_over:
            return False
        held = self.held
        self._set_state(Phase.HELD if word == "granted" else Phase.WAITING if word else Phase.LOST, word, error)
        return held and not self.held

    def find_nobody(self) -> None:
        """Holds the devices, since without a supervisor nobody else asks for them."""
        if not self._is_over:
            self._set_state(Phase.HELD)

    def stop(self) -> bool:
        """Ends this claim and all later ones; players must fall silent."""
        self._set_state(Phase.STOPPED, error=HushdError("cancelled", "It was stopped."))
        return True

    def give_back(self) -> None:
        """Gives the devices back."""
        if self.phase is not Phase.STOPPED:
            self._set_state(Phase.OUTSIDE, error=_RETURNED)

    @property
    def _is_over(self) -> bool:
        return self.phase in (Phase.OUTSIDE, Phase.STOPPED)

    def _set_state(self, phase: Phase, word: str = "", error: HushdError | None = None) -> None:
        self.phase, self.word, self.error = phase, word, error


class Floor:
    """A claim to devices. Inside the `with` block they are ours; entering it waits for that. The block may be entered
    again, also inside itself, where the outer block counts.

    Devices can be taken away: for something more urgent, or by a person who pauses or stops it. `held` is False from
    then on, and `on_loss` is called, on another thread: a player must fall silent within a second and call `keep` or
    leave the block.

    Without a supervisor nobody else asks either, and the devices are ours. When one leaves they are lost, and `keep`
    asks the next one for them.

    Args:
        on_hold: called, on any thread, with whether the devices are ours, whenever that changes; it must be quick.

    Attributes:
        number: of this turn in `hushd status`, for `hushd stop`, `pause` and `resume`.
        on_loss: called on another thread, so it must be quick; or None.
    """

    def __init__(
        self,
        link: Link,
        devices: Sequence[str],
        priority: str,
        on_wait: Callable[[str], None] | None = None,
        on_hold: Callable[[bool], None] | None = None,
    ) -> None:
        self._link = link
        self._devices = list(devices)
        self._priority = priority
        self._on_wait, self._on_hold = on_wait, on_hold
        self._changed = threading.Condition()  # guards the state and its connection
        self._state = FloorState()
        self._connection: Connection | None = None
        self._depth = 0  # number of blocks within each other
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
        """Returns at once while the devices are ours; else yields them and waits until they are ours again. Raises
        `cancelled` when they will not be."""
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
            self._state.give_back()
            self._notify()

    def stop(self) -> None:
        """Ends this claim for good, from any thread: players fall silent, `keep` and entering raise `cancelled`.

        The devices are given back when the block is left: until then the end of a fade may still be heard.
        """
        self._do(self._state.stop)

    @property
    def lender(self) -> Link | None:
        """The link to the machine whose devices these are; None for this one."""
        return self._link if self._link.devices else None

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

    def _do(self, event: Callable[[], bool]) -> None:
        """Applies an event to the state; tells of a loss."""
        with self._changed:
            lost = event()
            self._notify()
        if lost and self.on_loss is not None:
            self.on_loss()

    def _notify(self) -> None:
        """Wakes all waiting threads; under the lock, on any thread."""
        self._changed.notify_all()
        if self._on_hold is not None and self.held is not self._reported:
            self._reported = self.held
            self._on_hold(self._reported)

    # --- claims ------------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Claims the devices."""
        claim = Claim(id=new_id(), devices=self._devices, priority=self._priority)

        def carry(connection: Connection) -> Steps[None]:
            with self._changed:
                self._state.ask(claim.id)
                self._connection = connection
                connection.carry(self, claim)  # here, so that the claim precedes what gives it back
            yield from ()

        try:
            run(with_connection(self._link, carry))
        except HushdError as error:
            # The speech is there already: better to play it than to keep it because no supervisor can grant the floor.
            if error.code != "no_supervisor":
                raise
            with self._changed:
                self._connection = None
                self._state.find_nobody()
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
            wait_for(self._changed, condition)

    def _post(self, keep: bool) -> None:
        if self._connection is not None:
            self._connection.post(Yield(id=self.id, keep=keep))

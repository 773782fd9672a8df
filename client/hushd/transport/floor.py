"""The floor: the right to use the speaker or the microphone, which the supervisor grants to one program at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Error, Message, Result, Turn, Yield

from .attempts import GONE
from .call import new_id
from .connection import Connection
from .link import Link
from .retry import with_connection
from .steps import Steps, Until, Way, run

NEXT_S = 2.0  # for another supervisor to come by itself
PAUSE_S = 0.02  # between two looks whether it listens
ATTEMPTS = 3  # supervisors that may be lost one after the other while we wait


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
        number: of this turn in `hushd status`, for `hushd stop-speaking`, `pause` and `resume`.
        on_loss: called on another thread, so it must be quick; or None.
        on_claim: called with the connection by which the devices have just been claimed, before they are ours; or None.
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
        self._on_wait = on_wait
        self._on_hold = on_hold
        self._changed = threading.Condition()
        self._open = False  # between entering and leaving the block
        self._depth = 0  # of blocks within each other
        self._stopped = False
        self._passing = b""  # the claim of a supervisor that has left, while we ask the next one
        self._connection: Connection | None = None
        self._state = ""  # of the last `turn` received; empty: none yet, or none any more
        self._reported = False  # the last that `on_hold` was called with
        self._error: HushdError | None = None
        self.id = b""
        self.number = 0
        self.on_loss: Callable[[], None] | None = None
        self.on_claim: Callable[[Connection], None] | None = None

    def __enter__(self) -> Floor:
        run(self._enter())
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.give_back()

    @property
    def held(self) -> bool:
        """True if the devices are ours."""
        return self._state == "granted"

    def keep(self) -> None:
        """Returns at once while the devices are ours; else yields them and waits until they are ours again.

        Raises:
            HushdError: `cancelled` when they will not be.
        """
        run(self._regain())

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
            self._open, self._passing, self._connection, self._state = False, b"", None, ""
            self._error = HushdError("cancelled", "The floor was given back.")
            self._notify()

    def stop(self) -> None:
        """Ends this claim for good, from any thread: players fall silent, `keep` and entering raise `cancelled`.

        The devices are given back when the block is left: until then the end of a fade may still be heard.
        """
        with self._changed:
            self._stopped = True
            self._state, self._error = "", HushdError("cancelled", "It was stopped.")
            self._notify()
        if self.on_loss is not None:
            self.on_loss()

    @property
    def attached(self) -> Link | None:
        """The link to the machine whose devices these are, where it has attached itself; None for this one."""
        return self._way if isinstance(self._way, Link) and self._way.attached else None

    # --- the supervisor's answers, on the I/O thread -----------------------------------------------------------------

    def receive(self, message: Message) -> bool:
        """Receives an answer; returns whether it was the last one."""
        if isinstance(message, Turn):
            self._become(message.id, message.state, None)
            self.number = message.number
        elif isinstance(message, Error):
            self._become(message.id, "", message.exception())
        return isinstance(message, Error | Result)

    def end(self, error: BaseException | None = None) -> None:
        """Called when the connection is lost."""
        if isinstance(error, HushdError):
            self._become(self.id, "", error)

    def _become(self, name: bytes, state: str, error: HushdError | None) -> None:
        with self._changed:
            if not self._open or self._stopped or name != self.id:
                return  # of a turn that was given back
            if self.held and error is not None and error.code == "shutting_down" and not self._passing:
                self._passing = name
                threading.Thread(target=self._pass_over, args=(name,), name="hushd-floor", daemon=True).start()
                return
            self._passing = b""
            lost = self.held and state != "granted"
            self._state, self._error = state, error
            self._notify()
        if lost and self.on_loss is not None:
            self.on_loss()

    def _pass_over(self, held: bytes) -> None:
        """Claims what we have by the claim `held` from the next supervisor; on a thread of its own.

        That comes by itself after a restart. To start one would stop all of this program for as long as the machine
        takes to begin a process, which could be heard.
        """
        give_up = time.monotonic() + NEXT_S
        try:
            while self._passing == held and not self._way.listens() and time.monotonic() < give_up:
                time.sleep(PAUSE_S)
            run(self._ask(held))
        except HushdError as error:
            with self._changed:
                name = self.id if self._passing == held else b""
            self._become(name, "", error)

    def _notify(self) -> None:
        """Wakes those who wait; under the lock, on any thread."""
        self._changed.notify_all()
        if self._on_hold is not None and self.held is not self._reported:
            self._reported = self.held
            self._on_hold(self._reported)

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Waits for a change after which the condition holds; see `Until`."""
        with self._changed:
            self._changed.wait_for(condition)

    # --- procedures ------------------------------------------------------------------------------------------------

    def _enter(self) -> Steps[None]:
        """Enters the block: claims the devices and waits for them, unless an outer block has them."""
        if not self._depth:
            with self._changed:
                if self._stopped:
                    raise HushdError("cancelled", "It was stopped.")
                self._open = True
        try:
            if self._depth:
                yield from self._regain()
            else:
                yield from self._ask()
                yield from self._wait()
        except BaseException:
            if not self._depth:
                self.give_back()
            raise
        self._depth += 1

    def _regain(self) -> Steps[None]:
        """See `keep`."""
        if not self.held:
            if not self._stopped:
                self._post(keep=True)  # confirms that they were taken, and that we wait to have them again
            yield from self._wait()

    def _ask(self, held: bytes = b"") -> Steps[None]:
        """Claims the devices, which stay ours meanwhile where `held` is the claim by which we have them."""
        claim = Claim(id=new_id(), devices=self._devices, priority=self._priority)

        def carry(connection: Connection) -> Steps[None]:
            with self._changed:
                if not self._open or self._stopped or held != self._passing:
                    raise self._error or HushdError("cancelled", "Another claim has taken its place.")
                state = self._state if held else ""
                self.id, self._connection, self._state, self._error = claim.id, connection, state, None
                connection.carry(self, claim)  # here, so that the claim precedes what gives it back
            if self.on_claim is not None and not held:
                self.on_claim(connection)
            yield from ()

        try:
            # Who has given back meanwhile what is passed on has perhaps closed the client: no connection for them.
            yield from with_connection(self._way, carry, needed=lambda: not held or held == self._passing)
        except HushdError as error:
            # The speech is there already: better to play it than to keep it because no supervisor can grant the floor.
            if error.code != "no_supervisor":
                raise
            with self._changed:
                if not self._stopped and held == self._passing:
                    self._connection, self._state, self._error = None, "granted", None
                    self._notify()

    def _wait(self) -> Steps[None]:
        """Waits until the devices are ours; asks the next supervisor when one is lost meanwhile."""
        yield Until(self, lambda: self._state or self._error)
        state = self._state
        if state not in ("", "granted") and self._on_wait is not None:
            yield partial(self._on_wait, state)
        for attempt in range(1, ATTEMPTS + 1):
            yield Until(self, lambda: self.held or self._error)
            error = self._error
            if error is None:
                return
            if error.code not in GONE or attempt == ATTEMPTS:
                raise error
            yield from self._ask()

    def _post(self, keep: bool) -> None:
        if self._connection is not None:
            self._connection.post(Yield(id=self.id, keep=keep))

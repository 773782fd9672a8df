"""The floor: the right to use the speaker or the microphone, which the supervisor grants to one program at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Error, Message, Result, Turn, Yield

from .attempts import GONE
from .call import new_id
from .connection import Connection
from .retry import with_connection
from .steps import Steps, Until, Way, run

ATTEMPTS = 3  # supervisors that may be lost one after the other while we wait


class Floor:
    """A claim to devices. Inside the `with` block they are ours; entering it waits for that. The block may be entered
    again, also inside itself, where the outer block counts.

    Devices can be taken away: for something more urgent, or by a person who pauses or stops it. `held` is False from
    then on, and `on_loss` is called, on another thread: a player must fall silent within a second and call `keep` or
    leave the block.

    Without a supervisor nobody else asks either, and the devices are ours.

    Attributes:
        number: of this turn in `hushd status`, for `hushd stop-speaking`, `pause` and `resume`.
        on_loss: called on another thread, so it must be quick; or None.
    """

    def __init__(
        self,
        way: Way,
        devices: Sequence[str],
        priority: str,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._way = way
        self._devices = list(devices)
        self._priority = priority
        self._on_wait = on_wait
        self._changed = threading.Condition()
        self._open = False  # between entering and leaving the block
        self._depth = 0  # of blocks within each other
        self._stopped = False
        self._connection: Connection | None = None
        self._state = ""  # of the last `turn` received; empty: none yet, or none any more
        self._error: HushdError | None = None
        self.id = b""
        self.number = 0
        self.on_loss: Callable[[], None] | None = None

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
        with self._changed:
            self._post(keep=False)
            self._open, self._connection, self._state = False, None, ""
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
            lost = self.held and state != "granted"
            self._state, self._error = state, error
            self._notify()
        if lost and self.on_loss is not None:
            self.on_loss()

    def _notify(self) -> None:
        """Wakes those who wait; under the lock, on any thread."""
        self._changed.notify_all()

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

    def _ask(self) -> Steps[None]:
        claim = Claim(id=new_id(), devices=self._devices, priority=self._priority)

        def carry(connection: Connection) -> Steps[None]:
            with self._changed:
                if not self._open or self._stopped:
                    raise self._error or AssertionError
                self.id, self._connection, self._state, self._error = claim.id, connection, "", None
            connection.carry(self, claim)
            yield from ()

        try:
            yield from with_connection(self._way, carry)
        except HushdError as error:
            # The speech is there already: better to play it than to keep it because no supervisor can grant the floor.
            if error.code != "no_supervisor":
                raise
            with self._changed:
                if not self._stopped:
                    self._connection, self._state, self._error = None, "granted", None

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

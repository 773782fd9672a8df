"""The floor: the right to use the speaker or the microphone, which the supervisor gives to one program at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Claim, Error, Message, Result, Turn, Yield

from .call import new_id
from .connection import Connection
from .retry import GONE, with_connection

ATTEMPTS = 3  # supervisors that may go away one after the other while we wait


class Floor:
    """A wish for devices. Inside the `with` block they are ours; entering it waits for that. May be used again, also
    within its own block, which then is the one that counts.

    What is ours can be taken away: by something more urgent, or by a person who pauses or stops it. `held` is False
    from then on, and `on_loss` is called, on another thread: whoever plays must fall silent within a second and say
    `keep` or leave the block.

    Without any supervisor to ask, nobody else asks either, and the devices are ours.

    Attributes:
        number: what `hushd status` calls this turn, and `hushd stop-speaking`, `pause` and `resume` take.
        on_loss: must be quick; None: nothing is called.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        devices: Sequence[str],
        priority: str,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._connect = connect
        self._devices = list(devices)
        self._priority = priority
        self._on_wait = on_wait
        self._changed = threading.Condition()
        self._open = False  # between entering and leaving the block
        self._depth = 0  # of blocks within each other
        self._stopped = False
        self._connection: Connection | None = None
        self._state = ""  # the last `turn` we heard, none yet, or none any more
        self._error: HushdError | None = None
        self.id = b""
        self.number = 0
        self.on_loss: Callable[[], None] | None = None

    def __enter__(self) -> Floor:
        if self._depth:
            self.keep()
        else:
            self._enter()
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.give_back()

    @property
    def held(self) -> bool:
        """Whether the devices are ours."""
        return self._state == "granted"

    def keep(self) -> None:
        """Returns at once while the devices are ours; else leaves them to others and waits until they are again.

        Raises:
            HushdError: `cancelled`: they will not be.
        """
        if self.held:
            return
        if not self._stopped:
            self._post(keep=True)
        self._wait()

    def while_held(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """`chunks` of the microphone, as they come; waits while it is not ours. Raises as `keep` does."""
        for chunk in chunks:
            self.keep()
            yield chunk

    def give_back(self) -> None:
        """Leaves the devices to others. Harmless when they are not ours."""
        with self._changed:
            self._post(keep=False)
            self._open, self._connection, self._state = False, None, ""
            self._error = HushdError("cancelled", "The floor was given back.")
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends this wish for good, from any thread: who plays falls silent, `keep` and entering raise `cancelled`.

        The devices are others' when the block is left: until then the end of a fade may still be heard.
        """
        with self._changed:
            self._stopped = True
            self._state, self._error = "", HushdError("cancelled", "It was stopped.")
            self._changed.notify_all()
        if self.on_loss is not None:
            self.on_loss()

    # --- the supervisor's answers, on the I/O thread -----------------------------------------------------------------

    def receive(self, message: Message) -> bool:
        """Takes an answer; returns whether it was the last one."""
        if isinstance(message, Turn):
            self._become(message.id, message.state, None)
            self.number = message.number
        elif isinstance(message, Error):
            self._become(message.id, "", message.exception())
        return isinstance(message, Error | Result)

    def end(self, error: BaseException | None = None) -> None:
        """The connection is lost."""
        if isinstance(error, HushdError):
            self._become(self.id, "", error)

    def _become(self, name: bytes, state: str, error: HushdError | None) -> None:
        with self._changed:
            if not self._open or self._stopped or name != self.id:
                return  # of a turn that was given back
            lost = self.held and state != "granted"
            self._state, self._error = state, error
            self._changed.notify_all()
        if lost and self.on_loss is not None:
            self.on_loss()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        with self._changed:
            if self._stopped:
                raise HushdError("cancelled", "It was stopped.")
            self._open = True
        try:
            self._ask()
            self._wait()
        except BaseException:
            self.give_back()
            raise

    def _ask(self) -> None:
        claim = Claim(id=new_id(), devices=self._devices, priority=self._priority)

        def carry(connection: Connection) -> None:
            with self._changed:
                if not self._open or self._stopped:
                    raise self._error or AssertionError
                self.id, self._connection, self._state, self._error = claim.id, connection, "", None
            connection.carry(self, claim)

        try:
            with_connection(self._connect, carry)
        except HushdError as error:
            # Who plays has the speech already: better heard than kept for want of somebody to ask.
            if error.code != "no_supervisor":
                raise
            with self._changed:
                if not self._stopped:
                    self._connection, self._state, self._error = None, "granted", None

    def _wait(self) -> None:
        """Waits until the devices are ours; asks the next supervisor when one goes away meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._state or self._error)
            state = self._state
        if state not in ("", "granted") and self._on_wait is not None:
            self._on_wait(state)
        for attempt in range(1, ATTEMPTS + 1):
            with self._changed:
                self._changed.wait_for(lambda: self.held or self._error)
                error = self._error
            if error is None:
                return
            if error.code not in GONE or attempt == ATTEMPTS:
                raise error
            self._ask()

    def _post(self, keep: bool) -> None:
        if self._connection is not None:
            self._connection.post(Yield(id=self.id, keep=keep))

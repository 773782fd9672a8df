"""The claim by which captions hear a microphone beside all others: it is known who listens, and a pause closes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd.client import Client

_AGAIN_S = 2.0  # before a claim that was lost with its supervisor is made once more


class Pausable(Protocol):
    """A recording whose microphone can be closed and opened again."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class ListeningClaim:
    """Claims a microphone that is open in the background, on a thread of its own; a context manager.

    Nobody waits for it, and it waits for nobody. Without a supervisor the microphone is heard: nobody has paused it.

    Args:
        client: claims.
        source: what is paused and resumed, on that thread alone.
        note: called with a sentence for the user, on that thread.
        fail: called with the reason where the microphone does not open again, on that thread.
    """

    def __init__(
        self, client: Client, source: Pausable, note: Callable[[str], None], fail: Callable[[HushdError], None]
    ) -> None:
        self._source = source
        self._note = note
        self._fail = fail
        self._paused = False
        self._closed = False
        self._changed = threading.Event()
        self._floor = client.floor("wake", on_wait=self._wait)
        self._floor.on_loss = self._changed.set

    def __enter__(self) -> ListeningClaim:
        threading.Thread(target=self._run, name="hushd-listening", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._floor.stop()  # sets `_changed`

    def _run(self) -> None:
        while not self._closed:
            try:
                with self._floor:
                    while not self._closed:
                        self._floor.keep()
                        if not self._hear():
                            return
                        self._changed.wait()
                        self._changed.clear()
            except HushdError:  # the supervisor has gone, and the next ones too
                self._changed.wait(_AGAIN_S)

    def _wait(self, state: str) -> None:
        """The microphone is not granted: paused, or that of a program that stood still."""
        if state == "paused" and not self._paused:
            self._paused = True
            self._source.pause()
            self._note("The microphone is closed: `hushd resume` opens it again.")

    def _hear(self) -> bool:
        """Opens the microphone if it is paused; returns False where that fails."""
        if self._paused:
            try:
                self._source.resume()
            except HushdError as error:
                self._fail(error)
                return False
            self._paused = False
            self._note("The microphone is open again.")
        return True

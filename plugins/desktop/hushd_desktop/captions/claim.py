"""The floor claim of captions, which listen beside other programs: it shows who listens, and lets a pause close the
microphone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from hushd.client import Client

    from .pausable import PausableMicrophone

_CLAIM_RETRY_DELAY_S = 2.0  # seconds before a claim lost with its supervisor is repeated


class ListeningClaim:
    """Claims a microphone in the background, on a thread of its own; a context manager.

    It neither waits for other claims nor delays them. Without a supervisor the microphone stays open, since it cannot
    be paused.

    Args:
        source: the recording to pause and resume, only on that thread.
        note: called with a sentence for the user, on that thread.
        fail: called with the reason if the microphone does not reopen, on that thread.
    """

    def __init__(
        self,
        client: Client,
        source: PausableMicrophone,
        note: Callable[[str], None],
        fail: Callable[[HushdError], None],
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
            except HushdError:  # no supervisor can be reached
                self._changed.wait(_CLAIM_RETRY_DELAY_S)

    def _wait(self, state: str) -> None:
        """Closes the microphone while the claim is not granted: paused, or this program was stopped."""
        if state == "paused" and not self._paused:
            self._paused = True
            self._source.pause()
            self._note("The microphone is closed: `hushd resume` opens it again.")

    def _hear(self) -> bool:
        """Opens the microphone if it is paused; returns False on failure."""
        if self._paused:
            try:
                self._source.resume()
            except HushdError as error:
                self._fail(error)
                return False
            self._paused = False
            self._note("The microphone is open again.")
        return True

"""The microphone, and beside it what a loudspeaker plays, as two devices report them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hushd.audio.echo_reference import EchoReference

if TYPE_CHECKING:
    from hushd.audio.microphone import Microphone

LATE_S = 0.3  # that the microphone's samples wait for those that were played meanwhile
MARGIN_S = 0.2  # of them that a busy machine may take to bring what was played, or what was recorded


class PairedMicrophone(Iterator[bytes]):
    """Iterates over chunks of a microphone with those of a monitor as second channel; a context manager.

    Both come in their own time, and a pair that shifts is an echo that is not recognised: so the microphone's wait for
    a moment. A player's own samples need not, since they are there before they are heard.

    Attributes:
        reference: gets the monitor's samples.
    """

    channels = 2

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone
        self._waiting: deque[bytes] = deque()
        self._size = 0  # bytes of them
        self._ended = False
        self._late = round(LATE_S * microphone.rate) * 2  # bytes
        self.rate = microphone.rate
        self.reference = EchoReference(microphone.rate, MARGIN_S)

    def __enter__(self) -> PairedMicrophone:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> bytes:
        while self._size <= self._late and not self._ended:
            chunk = next(self._microphone, b"")
            self._ended = not chunk
            self._waiting.append(chunk)
            self._size += len(chunk)
        chunk = self._waiting.popleft() if self._size else b""
        if not chunk:
            raise StopIteration
        self._size -= len(chunk)
        return self.reference.beside(chunk)

    def stop(self) -> None:
        """Ends the iteration after what was recorded until now. Safe in a signal handler."""
        self._microphone.stop()

    def close(self) -> None:
        """Stops recording; ends the iteration after what was recorded."""
        self._microphone.close()

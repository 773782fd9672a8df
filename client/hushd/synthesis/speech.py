"""Speech as it is being made: raw audio to play, or the bytes of a sound file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from hushd.transport.steps import Blocking, run

from .incoming import IncomingSpeech
from .received import Piece


class Speech(IncomingSpeech, Blocking, Iterator[bytes]):
    """Iterates over the audio as it becomes known: s16le samples, or a sound file's bytes in the order of a stream.

    A file's header that is known only at the end is left out of the iteration and put right by `save`.

    What was received is kept, in memory or, beyond 8 MiB, in a temporary file: so `save`, `array` and `play` take all
    of the speech, from its beginning, also after the iteration and more than once.

    Attributes: those of `IncomingSpeech`.
    """

    @property
    def rate(self) -> int:
        """Samples a second; waits for the first piece of audio."""
        self.wait()
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; waits for the first piece of audio."""
        self.wait()
        return self._channels

    def __next__(self) -> bytes:
        if data := run(self._following()):
            return data
        raise StopIteration

    def pieces(self) -> Iterator[Piece]:
        """Yields all of the audio, from its beginning, with the offsets that a file's pieces have.

        Raises:
            HushdError: what went wrong; `cancelled` when the speech was closed before its end.
        """
        for index in count():
            piece = run(self._piece(index))
            if piece is None:
                return
            yield piece

    def _audio(self) -> Iterator[bytes]:
        return (piece.data for piece in self.pieces())

    def _repr_html_(self) -> str | None:
        while self._keep and run(self._has(len(self._received))):
            pass
        return super()._repr_html_()

"""Speech as it is being made: raw audio to play, or the bytes of a sound file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Partial, Result

from hushd.audio.sound_file import format_of, wav_header
from hushd.output_file import OutputFile
from hushd.transport.retry import RetryingCall

if TYPE_CHECKING:
    from .timeline import Sentence


class Piece(NamedTuple):
    """A part of a sound file and where in the file it belongs; None: behind what came before."""

    data: bytes
    offset: int | None


class Speech(Iterator[bytes]):
    """Iterates over the audio as it becomes known: s16le samples, or a sound file's bytes in the order of a stream.

    A file's header that is known only at the end is left out of the iteration and put right by `save`.

    Attributes:
        format: `s16le` or the kind of file.
        duration, voice: seconds of audio and who spoke, known once the iteration has ended.
        timeline: the sentences whose audio has come or is about to, where the timeline was asked for.
    """

    def __init__(
        self, exchange: RetryingCall, form: str = "s16le", on_sentence: Callable[[Sentence], None] | None = None
    ) -> None:
        self._exchange = exchange
        self._ahead: list[Piece] = []  # read for the sake of `rate`
        self._rate = 0
        self._channels = 0
        self._position = 0
        self._on_sentence = on_sentence
        self.format = form
        self.duration = 0.0
        self.voice = ""
        self.timeline: list[Sentence] = []

    @property
    def rate(self) -> int:
        """Samples a second; waits for the first piece of audio."""
        self._look_ahead()
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; waits for the first piece of audio."""
        self._look_ahead()
        return self._channels

    def __next__(self) -> bytes:
        while piece := self._next():
            known = 0 if piece.offset is None else self._position - piece.offset
            if data := piece.data[max(0, known) :]:
                self._position += len(data)
                return data
        raise StopIteration

    def pieces(self) -> Iterator[Piece]:
        """The audio with the offsets that a file's pieces have.

        Raises:
            HushdError: what went wrong.
        """
        while piece := self._next():
            yield piece

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all of it to a file, which appears only once it is whole.

        Raw audio becomes a WAV, or stays raw in a file called .pcm or .raw; another kind of file must have been asked
        for (`synthesize(…, format="mp3")`).

        Raises:
            HushdError: `output_failed` when it cannot be written, `bad_request` when the path names another format.
        """
        form = format_of(path)
        if self.format != form and not (self.format == "s16le" and form in ("wav", "pcm")):
            raise HushdError(
                "bad_request", f"This speech is {self.format}: ask for it with format={form!r} to save it as {form}."
            )
        with OutputFile(path) as file:
            headed = self.format == "s16le" and form == "wav"
            if headed:
                file.write(wav_header(self.rate, self.channels, None))
            for data, offset in self.pieces():
                file.write(data, offset)
            if headed:
                file.write(wav_header(self._rate, self._channels, file.size), 0)

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._exchange.close()

    def _look_ahead(self) -> None:
        if not self._rate and (piece := self._receive()):
            self._ahead.append(piece)

    def _next(self) -> Piece | None:
        return self._ahead.pop(0) if self._ahead else self._receive()

    def _receive(self) -> Piece | None:
        for message in self._exchange:
            if isinstance(message, Chunk):
                self._rate = self._rate or message.rate
                self._channels = self._channels or message.channels
                return Piece(message.payload, message.offset)
            if isinstance(message, Partial) and message.data.get("kind") == "sentence":
                self._take(message.data)
            if isinstance(message, Result):
                self.duration = float(message.data.get("duration") or 0.0)
                self.voice = str(message.data.get("voice") or "")
                self._rate = self._rate or int(message.data.get("rate") or 0)
        return None

    def _take(self, data: dict[str, Any]) -> None:
        from .timeline import Sentence  # for those who asked for it

        sentence = Sentence.from_data(data)
        self.timeline.append(sentence)
        if self._on_sentence is not None:
            self._on_sentence(sentence)

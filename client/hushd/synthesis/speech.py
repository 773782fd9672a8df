"""Speech as it is being made: raw audio to play, or the bytes of a sound file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Partial, Result

from hushd.audio.sound_file import format_of, wav_header
from hushd.output_file import OutputFile
from hushd.transport.retry import RetryingCall

from .received import Piece, Received

if TYPE_CHECKING:
    from hushd.transport.floor import Floor

    from .timeline import Sentence

RAW = "s16le"


class Speech(Iterator[bytes]):
    """Iterates over the audio as it becomes known: s16le samples, or a sound file's bytes in the order of a stream.

    A file's header that is known only at the end is left out of the iteration and put right by `save`.

    What was received is kept, in memory or, beyond 8 MiB, in a temporary file: so `save`, `array` and `play` take all
    of the speech, from its beginning, also after the iteration and more than once.

    Attributes:
        format: `s16le` or the kind of file.
        duration, voice: seconds of audio and the voice that spoke, known once the iteration has ended.
        timeline: the sentences whose audio has come or is about to, where the timeline was asked for.
    """

    def __init__(
        self,
        call: RetryingCall,
        form: str = RAW,
        on_sentence: Callable[[Sentence], None] | None = None,
        *,
        floor: Callable[[], Floor] | None = None,
        keep: bool = True,
    ) -> None:
        self._call = call
        self._received = Received(keep)
        self._rate = 0
        self._channels = 0
        self._next = 0  # piece of the iteration
        self._position = 0  # bytes that were iterated over
        self._whole = False
        self._failure: HushdError | None = None
        self._on_sentence = on_sentence
        self._floor = floor
        self.format = form
        self.duration = 0.0
        self.voice = ""
        self.timeline: list[Sentence] = []

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

    def wait(self) -> None:
        """Waits for the first piece of audio, or the end."""
        self._has(0)

    def __next__(self) -> bytes:
        while self._has(self._next):
            piece = self._received.take(self._next)
            self._next += 1
            known = 0 if piece.offset is None else self._position - piece.offset
            if data := piece.data[max(0, known) :]:
                self._position += len(data)
                return data
        raise StopIteration

    def pieces(self) -> Iterator[Piece]:
        """Yields all of the audio, from its beginning, with the offsets that a file's pieces have.

        Raises:
            HushdError: what went wrong; `cancelled` when the speech was closed before its end.
        """
        index = 0
        while self._has(index):
            yield self._received.take(index)
            index += 1
        if not self._whole:
            raise HushdError("cancelled", "The speech was closed before its end.")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all of it to a file, which appears only once it is whole.

        Raw audio becomes what the path's extension names: a WAV, raw samples (.pcm, .raw), or what soundfile encodes
        (FLAC, Ogg, Opus, MP3, AIFF). A speech that was asked for in a format is saved in that one.

        Raises:
            HushdError: `output_failed` when it cannot be written, `bad_request` when the path names another format.
        """
        form = format_of(path)
        if self.format not in (form, RAW):
            raise HushdError(
                "bad_request", f"This speech is {self.format}: ask for it with format={form!r} to save it as {form}."
            )
        with OutputFile(path) as file:
            if self.format == form or form == "pcm":
                for data, offset in self.pieces():
                    file.write(data, offset)
            elif form == "wav":
                self._save_wav(file)
            else:
                from .encode import encode  # for those who decide late

                encode((piece.data for piece in self.pieces()), self.rate, self.channels or 1, form, file)

    def array(self) -> Any:
        """Returns all of it as a numpy array, float32 in -1..1: (frames,), or (frames, channels) where there are 2.

        Raises:
            HushdError: `bad_request` for a speech that was asked for as a sound file; and what `pieces` raises.
        """
        self._check_raw("an array")
        from hushd.audio.samples import floats

        return floats(b"".join(piece.data for piece in self.pieces()), self.channels)

    def play(self, device: str | int | None = None, *, volume: float = 1.0) -> None:
        """Plays all of it, from its beginning, as it is made; returns when the last of it was heard.

        It holds the floor, as `say` does: it waits while another program speaks, and `hushd stop-speaking` ends it.

        Args:
            device: the loudspeaker's number, its name or how that begins; None: the usual one.
            volume: 0 to 2 times as loud as it was made.

        Raises:
            HushdError: `no_device` when there is no loudspeaker, `cancelled` when it was stopped, `bad_request` for a
                speech that was asked for as a sound file.
        """
        self._check_raw("played")
        from hushd.audio.playback import play

        chunks = (piece.data for piece in self.pieces())
        play(chunks, self.rate, self.channels, device, self._floor and self._floor(), volume)

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    def _save_wav(self, file: OutputFile) -> None:
        file.write(wav_header(self.rate, self.channels or 1, None))
        for data, _ in self.pieces():
            file.write(data)
        file.write(wav_header(self.rate, self.channels or 1, file.size), 0)

    def _check_raw(self, what: str) -> None:
        if self.format != RAW:
            raise HushdError(
                "bad_request", f"This speech is {self.format}, which is not {what}: ask for it without a format."
            )

    def _has(self, index: int) -> bool:
        """Whether there is such a piece; waits for it."""
        while index >= len(self._received):
            piece = self._receive()
            if piece is None:
                return False
            self._received.add(piece)
        return True

    def _receive(self) -> Piece | None:
        if self._failure is not None:
            raise self._failure
        try:
            for message in self._call:
                if isinstance(message, Chunk):
                    self._rate = self._rate or message.rate
                    self._channels = self._channels or message.channels
                    return Piece(message.payload, message.offset)
                if isinstance(message, Partial) and message.data.get("kind") == "sentence":
                    self._take(message.data)
                if isinstance(message, Result):
                    self._whole = True
                    self.duration = float(message.data.get("duration") or 0.0)
                    self.voice = str(message.data.get("voice") or "")
                    self._rate = self._rate or int(message.data.get("rate") or 0)
        except HushdError as error:
            self._failure = error
            raise
        return None

    def _take(self, data: dict[str, Any]) -> None:
        from .timeline import Sentence  # for those who asked for it

        sentence = Sentence.from_data(data)
        self.timeline.append(sentence)
        if self._on_sentence is not None:
            self._on_sentence(sentence)

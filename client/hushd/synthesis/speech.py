"""Speech as it is being made, by a thread or a task: raw audio to play, or the bytes of a sound file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Message, Partial, Result
from hushd_schema.results import Sentence, SpeechResult

from hushd.audio.audio_source import floats
from hushd.audio.playback import Player
from hushd.transcripts.cues import readable, shown
from hushd.transport.spool import RAW, Piece, Received
from hushd.transport.steps import Blocking, Brief, RunInThread, Steps, run, verb

from .captions import transcript
from .speech_file import SpeechFile

if TYPE_CHECKING:
    from hushd_schema.results import ResultWarning

    from hushd.floor import Floor
    from hushd.transcripts.cues import Cue
    from hushd.transcripts.transcript import Transcript
    from hushd.transport.retry import RetryingCall


class IncomingSpeech:
    """Everything known of a speech while it is made; the base of `Speech` and `AsyncSpeech`.

    Attributes:
        format: `s16le` or the kind of file.
        duration, warnings: seconds of audio, and what of the request had no effect, known once the iteration has ended.
        voice: the one that speaks; where it was chosen for the text, known before the audio, else once that has ended.
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
        text: Callable[[], bytes] = bytes,
    ) -> None:
        self._call = call
        self._text = text
        self._floor = floor
        self._received = Received(keep)
        self._keep = keep
        self._rate = 0
        self._channels = 0
        self._next = 0  # piece of the iteration
        self._position = 0  # bytes that were iterated over
        self._whole = False
        self._failure: HushdError | None = None
        self._on_sentence = on_sentence
        self.format = form
        self.duration = 0.0
        self.voice = ""
        self.warnings: tuple[ResultWarning, ...] = ()
        self.timeline: list[Sentence] = []

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    @verb
    def wait(self) -> Steps[None]:
        """Waits for the first piece of audio, or the end."""
        yield from self._has(0)

    @verb
    def save(self, path: str | os.PathLike[str]) -> Steps[None]:
        """Writes all of it to a file, which appears only once it is whole.

        Raw audio becomes what the path's extension names: a WAV, raw samples (.pcm, .raw), or what soundfile encodes
        (FLAC, Ogg, Opus, MP3, AIFF). A speech that was asked for in a format is saved in that one. Raises
        `output_failed` when it cannot be written, `bad_request` when the path names another format.
        """
        stack = ExitStack()
        try:
            file = yield Brief(lambda: stack.enter_context(SpeechFile(path, self.format)))
            yield from self._has(0)
            yield Brief(partial(file.begin, self._rate, self._channels))
            index = 0
            while piece := (yield from self._piece(index)):
                yield Brief(partial(file.write, piece))
                index += 1
        except BaseException as error:
            yield Brief(partial(stack.__exit__, type(error), error, error.__traceback__))
            raise
        yield Brief(stack.close)

    @verb
    def array(self) -> Steps[Any]:
        """Returns all of it as a numpy array, float32 in -1..1: (frames,), or (frames, channels) where there are 2.
        Raises `bad_request` for a speech that was asked for as a sound file; and what `pieces` raises."""
        self._check_raw("an array")

        data, index = bytearray(), 0
        while piece := (yield from self._piece(index)):
            data += piece.data
            index += 1
        return (yield partial(floats, bytes(data), self._channels))

    @verb
    def play(self, device: str | int | Player | None = None, *, volume: float = 1.0) -> Steps[None]:
        """Plays the speech from its beginning, as it is made; returns when its last sample was heard.

        It holds the floor, as `say` does: it waits while another program speaks, and `hushd stop` ends it.

        Args:
            device: the loudspeaker's number, its name or the beginning of its name; None: the usual one. Or a
                `Player`, whose floor and volume count then.
            volume: 0 to 2 times as loud as it was made.

        Raises:
            HushdError: `no_device` when there is no loudspeaker, `cancelled` when it was stopped, `bad_request` for a
                speech that was asked for as a sound file.
        """
        self._check_raw("played")

        yield from self._has(0)
        floor = None if isinstance(device, Player) or self._floor is None else self._floor()
        player = device if isinstance(device, Player) else Player(device, floor, volume)

        def stop() -> None:
            if floor is not None:
                floor.stop()
            player.stop()
            self.close()

        yield RunInThread(partial(player.play, self._audio(), self._rate, self._channels), stop)

    def _audio(self) -> Iterator[bytes]:
        """All of the audio, for the thread that fills a loudspeaker."""
        raise NotImplementedError

    @verb
    def transcript(self) -> Steps[Transcript]:
        """Waits for the end; returns the text with the times of its sentences and words: it renders as srt, vtt, lrc
        or json. Raises `bad_request` for a speech that was asked for without `timeline`; and what went wrong."""
        while (yield from self._has(len(self._received))):
            pass
        if not self.timeline:
            raise HushdError("bad_request", "The times of this speech are unknown: synthesize it with timeline=True.")
        return transcript(self._text().decode(errors="replace"), self.timeline, self.duration)

    @verb
    def cues(self) -> Steps[tuple[Cue, ...]]:
        """Waits for the end; returns subtitles of the speech. Raises as `transcript`."""
        return tuple(shown(readable((yield from IncomingSpeech.transcript(self)).segments)))

    # --- procedures ------------------------------------------------------------------------------------------------

    def _has(self, index: int) -> Steps[bool]:
        """Returns whether there is such a piece; waits for it."""
        while index >= len(self._received):
            if self._failure is not None:
                raise self._failure
            try:
                message = yield from self._call.receive()
                if message and (piece := self._handle(message)):
                    self._received.add(piece)
            except HushdError as error:
                self._failure = error
                self.close()  # nobody can have the rest without this part
                raise
            if message is None:
                break
        return index < len(self._received)  # another task may have received it

    def _piece(self, index: int) -> Steps[Piece | None]:
        """Returns a piece of the whole; None after the last."""
        if (yield from self._has(index)):
            return self._received.piece(index)
        if not self._whole:
            raise HushdError("cancelled", "The speech was closed before its end.")
        return None

    def _following(self) -> Steps[bytes]:
        """Returns the next piece of the iteration, empty at the end. A piece that corrects a header is left out."""
        while (yield from self._has(self._next)):
            piece = self._received.piece(self._next)
            self._next += 1
            overlap = 0 if piece.offset is None else self._position - piece.offset
            if data := piece.data[max(0, overlap) :]:
                self._position += len(data)
                return data
        return b""

    # --- messages --------------------------------------------------------------------------------------------------

    def _handle(self, message: Message) -> Piece | None:
        """Takes note of a message; returns its audio, if it has any."""
        if isinstance(message, Chunk):
            self._rate = self._rate or message.rate
            self._channels = self._channels or message.channels
            self.voice = self.voice or self._call.request.params.get("voice") or ""
            return Piece(message.payload, message.offset)

        if isinstance(message, Partial) and message.data.get("kind") == "sentence":
            self.timeline.append(sentence := Sentence.from_data(message.data))
            if self._on_sentence is not None:
                self._on_sentence(sentence)
        elif isinstance(message, Partial) and message.data.get("kind") == "voice":
            self.voice = str(message.data.get("voice", ""))
        if isinstance(message, Result):
            self._whole = True
            result = SpeechResult.from_data(message.data)
            self.duration = float(result.duration)
            self.voice = result.voice
            self.warnings = result.warnings
            self._rate = self._rate or result.rate
        return None

    def _check_raw(self, what: str) -> None:
        if self.format != RAW:
            raise HushdError(
                "bad_request", f"This speech is {self.format}, which is not {what}: ask for it without a format."
            )


class Speech(IncomingSpeech, Blocking, Iterator[bytes]):
    """Iterates over the audio as it becomes known: s16le samples, or a sound file's bytes in the order of a stream.

    A file's header that is known only at the end is left out of the iteration and put right by `save`.

    What was received is kept, unless `keep` is False: so `save`, `array` and `play` take all of the speech, from its
    beginning, also after the iteration and more than once.

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
        """Yields all of the audio, from its beginning, with the offsets that a file's pieces have. Raises what went
        wrong; `cancelled` when the speech was closed before its end."""
        for index in count():
            piece = run(self._piece(index))
            if piece is None:
                return
            yield piece

    def _audio(self) -> Iterator[bytes]:
        return (piece.data for piece in self.pieces())

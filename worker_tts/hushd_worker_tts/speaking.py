"""Speaks the items of one job: pieces of text, with pauses and changes between them."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from math import inf

from hushd_models import languages
from hushd_protocol.errors import HushdError
from hushd_reading.items import Item, MappedText, Pause, Piece, Rate
from hushd_schema.results import Sentence, SpeechResult, Spoken
from hushd_worker.job import Job

from . import params
from .audio_out import JOINT_S, SILENCE_BEFORE_WORD_S, Output, joined, shorten, sounding
from .engine import AudioChunk, Engine, Voice
from .engine_thread import EngineThread
from .levelling import Leveller


class SpeechJob(AbstractContextManager["SpeechJob"]):
    """Speaks the items of one job in order; a context manager that frees everything that must not outlive the job."""

    def __init__(
        self,
        job: Job,
        engine: Engine,
        thread: EngineThread,
        asked: params.SynthesizeParams,
        leveller: Leveller,
    ) -> None:
        self._job = job
        self._engine = engine
        self._thread = thread
        self._params = asked
        self._leveller = leveller
        self._leveller.begin()
        self._rate = Rate()
        self._volume = asked.volume
        self._output: Output | None = None
        self._silence = 0.0  # seconds of pause before the first audio
        self._seconds = 0.0  # seconds of the engine's audio so far
        self._began = -inf  # the time of its first
        self._text_seen = self._words_seen = False
        self._sentences = 0
        self._spoken = False  # whether a part of the current sentence was spoken
        self._goes_on = False  # whether the sentence goes on after the last piece

    def __exit__(self, *error: object) -> None:
        if self._output is not None:
            self._output.abort()

    def speak(self, item: Item) -> None:
        """Speaks a piece, makes a pause, or notes a change.

        Raises:
            HushdError: from the engine.
            Cancelled: at the latest after the sentence being synthesised.
        """
        self._job.check()
        if isinstance(item, Piece):
            self._text_seen, self._words_seen = True, self._words_seen or bool(_LETTER.search(item.text))
            self._speak_piece(item)
        elif isinstance(item, Pause):
            self._pause(item.seconds)
        elif isinstance(item, Rate):
            self._rate = item
        else:
            self._volume = self._params.volume * item.factor

    def close(self) -> SpeechResult:
        """Closes the output, and returns the job's result; emoji and signs that are not spoken are a moment of silence.
        Raises `bad_request` if there is no text, or the voice can speak none of its words."""
        if self._words_seen and self._output is None:
            voice = self._params.voice
            nothing = f"There is nothing in this text that the voice {voice.name} ({voice.language}) can speak."
            raise HushdError("bad_request", nothing)
        if not self._text_seen:
            raise HushdError("bad_request", "There is no text to speak.")
        if self._output is None:
            self._begin(_SILENT_RATE).silence(_MOMENT_S)
        assert self._output
        self._output.close()
        self._leveller.end()
        return SpeechResult(
            duration=round(self._output.frames / self._output.rate, 3),
            rate=self._output.rate,
            voice=self._params.voice.name,
            speed=round(self._params.speed, 3),
            sentences=self._sentences + self._spoken,
        )

    def _speak_piece(self, piece: Piece) -> None:
        asked = self._params
        for chunk in self._chunks(piece) if not _SILENT.fullmatch(piece.text) else ():
            output = self._output or self._begin(chunk.rate)
            if asked.timeline:
                self._job.send_partial(sentence(piece.mapped, chunk, self._seconds).data())
            gain = self._leveller.gain(asked.voice, chunk)
            output.write(chunk.samples, chunk.rate, self._volume * gain)
            self._leveller.learn(asked.voice, chunk)
            self._seconds += len(chunk.samples) / chunk.rate
            self._spoken = True
        self._goes_on = not piece.ends
        if piece.ends and self._spoken:
            self._sentences, self._spoken = self._sentences + 1, False

    def _begin(self, rate: int) -> Output:
        """Returns the output, now that there is audio for it."""
        asked = self._params
        self._output = Output(self._job, asked.format, rate, asked.sample_rate, asked.channels)
        self._began = time.monotonic()
        self._output.silence(self._silence)
        return self._output

    def _chunks(self, piece: Piece) -> Iterator[AudioChunk]:
        """Yields the audio of one piece.

        The engine's pause after a sentence is kept; at a cut inside a sentence it is shortened to the pause of a comma.
        Silence before the very first word is cut, because the listener waits for the word: some voices begin with a
        quarter of a second of silence.
        """
        # The end of a piece, the times of its words, and a new voice's loudness are only known once it is complete.
        whole = not piece.ends or self._params.timeline or not self._leveller.knows(self._params.voice)
        make = partial(self._synthesize, piece.text, self._params.voice, self._speed(), whole)
        chunks = self._thread.stream(make, self._job.check, self._job.client, self._job.id)
        if whole:
            chunks = joined(chunks)
        lead = JOINT_S if self._goes_on else SILENCE_BEFORE_WORD_S if self._output is None else None
        for chunk in chunks:
            self._job.check()
            yield shorten(chunk, start=lead, end=None if piece.ends else JOINT_S)
            lead = None

    def _synthesize(self, text: str, voice: Voice, speed: float, whole: bool) -> Iterator[AudioChunk]:
        """Makes a piece on the engine's thread, where jobs take turns."""
        engine, job = self._engine, self._job
        engine.economy, engine.degraded, engine.check, engine.unread = job.economy, False, job.check, ""
        engine.extra = self._params.extra
        engine.ahead_s = inf if whole else max(self._began + self._seconds - time.monotonic(), 0.0)
        if engine.extra and not engine.takes_extra:
            job.warn("no_effect", f"The engine {engine.SPEC.name} takes no extra fields: it spoke without.")
        yield from engine.synthesize(text, voice, speed)
        job.degraded = job.degraded or engine.degraded
        if engine.unread:
            brings = f"`hushd get {languages.code(voice.language)}` brings a voice that reads them"
            job.warn("unread", f"The voice {voice.name} cannot read {engine.unread}, and names the letters: {brings}.")

    def _speed(self) -> float:
        speed, rate = self._params.speed, self._rate
        if rate.wpm is not None:
            speed = rate.wpm / self._params.voice.wpm + (speed if rate.relative else 0.0)
        return params.bounded(speed * rate.factor, self._engine.SPEC)

    def _pause(self, seconds: float) -> None:
        self._seconds += seconds
        if self._output is None:
            self._silence += seconds
        else:
            self._output.silence(seconds)


_SILENT = re.compile(r"[\s\[\](){}.,;:!?…'\"“”‘’«»`|\\-]*")  # no engine says anything of these alone
_LETTER = re.compile(r"[^\W_]")
_MOMENT_S = 0.3  # seconds of silence for a text of signs alone, such as an emoji
_SILENT_RATE = 24_000  # Hz of such a speech, whose voice was not asked
_WORD = re.compile(r"(?<!\S)[^\s\w]*+\w\S*")
# The end of a clause counts as some letters more where time is divided by letters.
_CLAUSE_END = re.compile(r"(?<!\W)[^\w,;:.!?…—]*+[,;:.!?…—]\W*+$")
_CLAUSE_WEIGHT = 4


def sentence(text: MappedText, chunk: AudioChunk, begins: float) -> Sentence:
    """Returns the partial result for a piece whose audio begins at second `begins` of the job's audio.

    Words for the same place of the request, such as the words of an address, are one word.
    """
    first, last = sounding(chunk)
    spans: list[tuple[int, int]] = []
    places: list[int] = []
    for match in _WORD.finditer(text.text):
        span = text.span(*match.span())
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
            places.append(match.start())
        else:
            spans[-1] = (spans[-1][0], max(span[1], spans[-1][1]))
    starts = _times(text.text, places, chunk.marks, first, last)
    words = tuple(
        Spoken(start=round(begins + start, 3), end=round(begins + end, 3), text_start=span[0], text_end=span[1])
        for span, start, end in zip(spans, starts, [*starts[1:], last], strict=True)
    )
    text_start, text_end = text.span()
    return Sentence(
        kind="sentence",
        start=round(begins, 3),
        end=round(begins + len(chunk.samples) / chunk.rate, 3),
        text_start=text_start,
        text_end=text_end,
        words=words,
        estimated=not chunk.marks,
    )


def _times(
    text: str, places: list[int], marks: tuple[tuple[int, float], ...], first: float, last: float
) -> list[float]:
    """Returns the starts of the words at `places`: as marked, or else divided between the marks by the words'
    lengths."""
    known = [(0, first), *((place, min(max(at, first), last)) for place, at in marks if place > 0), (len(text), last)]
    weights = [0.0]
    for word in re.findall(r"\s*\S+|\s+", text):
        weights += [weights[-1] + index for index in range(1, len(word) + 1)]
        if _CLAUSE_END.search(word):
            weights[-1] += _CLAUSE_WEIGHT
    marked = [place for place, _ in known]
    starts: list[float] = []
    for place in places:
        index = min(bisect_right(marked, place) - 1, len(known) - 2)
        (before, start), (after, end) = known[index], known[index + 1]
        whole = weights[after] - weights[before]
        share = (weights[place] - weights[before]) / whole if whole else 0.0
        starts.append(max(start + (end - start) * share, starts[-1] if starts else first))
    return starts

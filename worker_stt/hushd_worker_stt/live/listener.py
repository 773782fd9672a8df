"""Live transcription: text while somebody speaks, and an end when they have finished.

While a phrase is spoken it is transcribed again and again, in drafts. When its speaker pauses, the whole utterance gets
its final transcription: if the pause turns out to be the end, the text is there already. Drafts take a fixed share of
the time, so that a slow engine makes fewer of them and does not fall behind.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.errors import HushdError

from hushd_worker_stt.audio.level import RunningGain
from hushd_worker_stt.engine import RATE, Options, PieceLength, Segment
from hushd_worker_stt.segmentation.endpoint import Endpointer, State
from hushd_worker_stt.segmentation.pieces import Piece, frames, quiet_place
from hushd_worker_stt.segmentation.vad import FRAME, Silero

from .agreement import Agreement, without
from .echo import EchoCanceller

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from hushd_worker_stt.engine import Samples
    from hushd_worker_stt.recogniser import Recogniser
    from hushd_worker_stt.request import Request

_LEAD = 20  # frames kept from before a beginning is noticed: 0.64 s; a soft first sound goes unnoticed for 0.3 s
_PAD_S = 0.2  # of quiet kept around speech
_HOLD_S = 0.3  # of quiet before the final pass: its text is there when the silence has lasted long enough
_UPDATE_S = 0.25  # of audio between two drafts, at least
_SHARE = 0.25  # of the time that drafts may take
_EAGER_S = 1.0  # at the beginning of an utterance, in which drafts follow each other until there is text
_SURE_S = 2.0  # of speech: enough to fix the language for the rest of the session


@dataclass(frozen=True, slots=True)
class Unstable:
    """The unfinished utterance: `stable` will not change any more before its segment comes, `text` behind it may."""

    stable: str
    text: str


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody began to speak at `start`, in seconds of audio. Sent at once, before there is any text."""

    start: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance has ended: it had all of its segments, of which a long one has several."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The last `Began` was not speech but a cough."""


@dataclass(frozen=True, slots=True)
class Echo:
    """True if the echo of the loudspeaker is cancelled, so that speech can be recognised while it plays."""

    gone: bool


Event = Segment | Unstable | Began | Ended | Nothing | Echo


@dataclass(frozen=True, slots=True)
class Transcriber:
    """Transcribes pieces of a session.

    Attributes:
        transcribe: the function; its second argument is True for a draft, which may be quick.
        length: of final pieces.
        clock: seconds, to time a pass.
    """

    transcribe: Callable[[Piece, bool], list[Segment]]
    length: PieceLength
    clock: Callable[[], float] = time.monotonic


class _Utterance:
    """Speech from its beginning to its end.

    Attributes:
        said: whether it had a segment, and so was not a cough.
        held: quiet that may become the end.
    """

    def __init__(self, transcriber: Transcriber, start: float) -> None:
        self._transcriber = transcriber
        self._start = start  # of the audio that is not final yet
        self._audio: list[Samples] = []
        self._length = 0
        self._final: list[Segment] | None = []  # of exactly the audio held; None: not known
        self._seconds = 0.0  # since the beginning
        self._phrase = 0  # where in the audio the phrase begins that is spoken now
        self._before = ""  # what was said before it
        self._next_draft = 0.0
        self._next_final = 0.0
        self._agreement = Agreement()
        self._told = Unstable("", "")
        self.said = False
        self.held: list[Samples] = []

    def speak(self, frames: Iterable[Samples]) -> Iterator[Segment | Unstable]:
        for samples in (*self.held, *frames):
            self._audio.append(samples)
            self._length += len(samples)
            self._seconds += len(samples) / RATE
            self._final = None
            if self._length > self._transcriber.length.longest * RATE:
                yield from self._cut()
        self.held.clear()
        if self._seconds >= self._next_draft:
            draft = self._pass(self._phrase, draft=True)
            yield from self._update(f"{self._before} {_text(draft)}")

    def pause(self, frame: Samples) -> Iterator[Unstable]:
        if not self.held and self._final is None and self._seconds >= self._next_final:
            self._final = self._pass(0, draft=False)
            self._phrase, self._before = self._length, _text(self._final)
            yield from self._update(self._before)
        self.held.append(frame)

    def finish(self) -> Iterator[Segment]:
        if self._final is None:
            self._final = self._pass(0, draft=False)
        yield from self._say(self._final)

    def _cut(self) -> Iterator[Segment | Unstable]:
        """Finishes an utterance that is too long for one piece up to a pause in it; the rest stays as it was."""
        audio = np.concatenate(self._audio)
        end = quiet_place(audio, int(self._transcriber.length.shortest * RATE))
        final = self._transcriber.transcribe(Piece(self._start, audio[:end]), False)
        yield from self._say(final)
        self._start += end / RATE
        self._audio, self._length = [audio[end:]], len(audio) - end
        self._before = without(self._before, _text(final)) if self._phrase > end else ""
        self._phrase = max(0, self._phrase - end)
        self._agreement.finish(_text(final))
        yield from self._report()

    def _pass(self, first: int, draft: bool) -> list[Segment]:
        """Transcribes from the sample `first` on."""
        began = self._transcriber.clock()
        self._audio = [np.concatenate(self._audio)]
        segments = self._transcriber.transcribe(Piece(self._start + first / RATE, self._audio[0][first:]), draft)
        cost = self._transcriber.clock() - began
        eager = self._seconds < _EAGER_S and not segments and not self._told.text
        self._next_draft = self._seconds + (cost if eager else max(_UPDATE_S, cost / _SHARE))
        self._next_final = self._seconds + cost
        return segments

    def _update(self, text: str) -> Iterator[Unstable]:
        self._agreement.update(text)
        yield from self._report()

    def _report(self) -> Iterator[Unstable]:
        now = Unstable(self._agreement.stable, self._agreement.text)
        if now != self._told:
            self._told = now
            yield now

    def _say(self, segments: list[Segment]) -> Iterator[Segment]:
        self.said = self.said or bool(segments)
        yield from segments


class LiveListener:
    """Transcribes the utterances in a stream of audio: the first, or with `Request.continuous` all of them.

    Attributes:
        seconds: of audio so far.
        options: with the language, once it is known.
        ended: what ended `events`: `endpoint`, the speaker; `input`, the audio; `silence`, nobody speaking for long in
            a continuous session.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        job: Job,
        request: Request,
        length: PieceLength,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recogniser = recogniser
        self._job = job
        self._request = request
        self._transcriber = Transcriber(self._transcribe, length, clock)
        self.options = request.options()
        self.seconds = 0.0
        self.ended = "input"

    def events(self, audio: Iterable[Samples]) -> Iterator[Event]:
        """Yields beginnings, unstable texts and segments until the end of the utterance or of `audio`.

        Args:
            audio: mono; with `Request.echo` frames by channels, what was recorded and what was played.

        Raises:
            HushdError: `no_speech` when nobody has spoken in time.
        """
        with Silero() as detector:
            yield from self._events(audio, detector)

    def _events(self, audio: Iterable[Samples], detector: Silero) -> Iterator[Event]:
        gain = RunningGain(FRAME)
        echo = EchoCanceller() if self._request.echo else None
        endpointer = Endpointer(self._request.silence_s, self._request.no_speech_s)
        lead: deque[Samples] = deque(maxlen=_LEAD)
        utterance: _Utterance | None = None
        for frame in frames(audio):
            self.seconds += len(frame) / RATE
            if echo is not None:
                gone = echo.gone
                frame = echo.clean(frame)
                if echo.gone != gone:
                    yield Echo(echo.gone)
            # The last frame of all may be short: it is transcribed, but too short to be judged.
            probability = detector.feed(gain.apply(frame)) if len(frame) == FRAME else 0.0
            if utterance is None and echo is not None and not echo.counts:
                probability = 0.0
            state = endpointer.feed(probability)
            if state is State.NOBODY:
                self._give_up()
                return
            if utterance is None:
                lead.append(frame)
                if state is State.WAITING:
                    continue
                if echo is not None and echo.explains():
                    endpointer.wait(heard=False)
                    continue
                yield Began(self.seconds - endpointer.begun_s)
                utterance = _Utterance(self._transcriber, self.seconds - sum(map(len, lead)) / RATE)
                yield from utterance.speak(lead)
                lead.clear()
            elif state is State.ENDED:
                yield from utterance.finish()
                if utterance.said and not self._request.continuous:
                    self.ended = "endpoint"
                    return
                yield Ended() if utterance.said else Nothing()
                endpointer.wait(heard=utterance.said)
                lead.extend((*utterance.held, frame))  # somebody may have begun softly in them
                utterance = None
            elif endpointer.quiet_s > _HOLD_S:
                yield from utterance.pause(frame)
            else:
                yield from utterance.speak([frame])
        if utterance is not None:
            yield from utterance.finish()

    def _give_up(self) -> None:
        if not self._request.continuous:
            raise HushdError(
                "no_speech", f"Nobody spoke within {self._request.no_speech_s:g} seconds: is the microphone on?"
            )
        self.ended = "silence"

    def _transcribe(self, piece: Piece, draft: bool) -> list[Segment]:
        options = self._with_language(piece)
        if draft:
            options = replace(options, word_times=False, beam=1)
        return self._recogniser.transcribe(self._job, piece, options, _PAD_S, live=True)

    def _with_language(self, piece: Piece) -> Options:
        """The options with the language of the piece; the first seconds of speech decide for the session."""
        if self.options.language is not None:
            return self.options
        options = replace(self.options, language=self._recogniser.detect_language(self._job, piece, live=True))
        if len(piece.samples) >= _SURE_S * RATE:
            self.options = options
        return options


def _text(segments: Iterable[Segment]) -> str:
    return " ".join(segment.text for segment in segments)

"""Transcribes live speech: text while a person speaks, and an end when they have finished.

Here the voice detector finds utterances. A model with streams hears them by `streamed`, any other by `drafted`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from hushd_worker_stt.audio.level import RunningGain
from hushd_worker_stt.engine import RATE, DetectedLanguage, EngineStream, Options, PieceLength, Samples, Segment
from hushd_worker_stt.live.turn_words import finished, wait_s
from hushd_worker_stt.partials import Began, Ended, Event, Nothing
from hushd_worker_stt.recogniser import Recogniser, Scorer
from hushd_worker_stt.segmentation.endpoint import Endpointer, State
from hushd_worker_stt.segmentation.pieces import Piece, frames, spans
from hushd_worker_stt.segmentation.vad import FRAME, SPEECH, Silero
from hushd_worker_stt.wording import heard

from .drafted import DraftedUtterance, Transcriber
from .end_word import EndWord
from .streamed import StreamedUtterance, Streaming

if TYPE_CHECKING:
    from hushd_worker.job import Job

    from hushd_worker_stt.live.judge import LiveJudge
    from hushd_worker_stt.request import Request

_FRAMES_BEFORE = 20  # frames kept from before a noticed beginning: 0.64 s; a soft first sound is noticed 0.3 s late
_PAD_S = 0.2  # seconds of quiet kept around speech
# Seconds of quiet after which an utterance may be over: its text is made before the silence is long enough.
_EARLY_END_QUIET_S = 0.3
_LIVE_TRIES = 2  # tries of a doubtful text; by chance Whisper tries five more, which take 2 to 5 s
_LANGUAGE_FIXED_S = 2.0  # seconds of speech that are enough to fix the language for the rest of the session


class LiveListener:
    """Transcribes the utterances in a stream of audio: the first one, or with `Request.continuous` all of
    them.

    Args:
        judge: tells which texts are unlikely; None: nothing is judged.
        habits: the engine's, see `Engine.HABITS`.

    Attributes:
        seconds: the seconds of audio so far.
        options: the options, with the language once enough speech has fixed it.
        detected: the language that a model has detected last.
        ended: the cause of the end of `events`: `endpoint`, the speaker; `input`, the end of the audio; `silence`, a
            long silence in a continuous session.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        job: Job,
        request: Request,
        length: PieceLength,
        clock: Callable[[], float] = time.monotonic,
        *,
        judge: LiveJudge | None = None,
        habits: Collection[str] = (),
    ) -> None:
        self._recogniser = recogniser
        self._habits = habits
        self._job = job
        self._request = request
        self._transcriber = Transcriber(self._transcribe, length, clock)
        self._streaming = Streaming(self._begin, recogniser.feed_s, length, _PAD_S, self._heard)
        self._by_meaning = request.turn_end == "meaning"
        self._end_word = EndWord(request.end_word)
        self._judge = judge
        self._scorer = Scorer(recogniser, job, live=True)
        self._hold_s = min(_EARLY_END_QUIET_S, request.silence_s / 2) if self._by_meaning else _EARLY_END_QUIET_S
        self._utterance: DraftedUtterance | StreamedUtterance | None = None
        self.options = request.options()
        self.detected: DetectedLanguage | None = None
        self.seconds = 0.0
        self.ended = "input"
        self._probabilities: list[float] = []  # probabilities of speech, since the beginning of the utterance

    @property
    def language(self) -> str:
        """Returns the language as far as it is known; else empty."""
        return self._recogniser.spoken(self.options) or (self.detected.tag if self.detected else "")

    def events(self, audio: Iterable[Samples]) -> Iterator[Event]:
        """Yields beginnings, unstable texts and segments until the end of the utterance or of `audio`. Raises
        `no_speech` if nobody has spoken in time.
        `audio`: mono samples."""
        with Silero() as detector, closing(self):
            for event in self._events(audio, detector):
                yield self._judge.mark(event) if self._judge and isinstance(event, Segment) else event
            if self._judge:
                self._judge.finish(self._job.check)
                yield from self._judge.news()

    def close(self) -> None:
        """Ends the stream of an unfinished utterance, and the judge."""
        if self._utterance is not None:
            self._utterance.close()
        if self._judge:
            self._judge.close()

    def _events(self, audio: Iterable[Samples], detector: Silero) -> Iterator[Event]:
        gain = RunningGain(FRAME)
        endpointer = Endpointer(self._request.silence_s, self._request.no_speech_s)
        lead: deque[Samples] = deque(maxlen=_FRAMES_BEFORE)
        recent: deque[float] = deque(maxlen=_FRAMES_BEFORE)  # probabilities of speech in `lead`
        utterance: DraftedUtterance | StreamedUtterance | None = None
        for frame in frames(audio):
            self.seconds += len(frame) / RATE
            # The very last frame may be short: it is transcribed, but too short to be judged.
            probability = detector.feed(gain.apply(frame)) if len(frame) == FRAME else 0.0
            state = endpointer.feed(probability)
            (recent if utterance is None else self._probabilities).append(probability)
            if self._judge:
                self._judge.hear(endpointer.quiet_s if utterance else math.inf)
                yield from self._judge.news()
            if state is State.NOBODY:
                if not self._request.continuous:
                    sentence = f"Nobody spoke within {self._request.no_speech_s:g} seconds: is the microphone on?"
                    raise HushdError("no_speech", sentence)
                self.ended = "silence"
                return
            if utterance is None:
                lead.append(frame)
                if state is State.WAITING:
                    continue
                yield Began(self.seconds - endpointer.begun_s)
                utterance = self._utterance = self._begun(self.seconds - sum(map(len, lead)) / RATE)
                self._probabilities = list(recent)[-round(endpointer.begun_s * RATE / FRAME) :]
                yield from self._followed(utterance, utterance.speak(lead))
                lead.clear()
                recent.clear()
            elif state is State.ENDED or self._end_word.is_over(utterance.heard_s + endpointer.quiet_s):
                yield from self._finish(utterance)
                if utterance.said and not self._request.continuous:
                    self.ended = "endpoint"
                    return
                yield Ended() if utterance.said else Nothing()
                if self._judge:  # somebody may wait for the verdict, and send nothing before it
                    yield from self._judge.verdict(self._job.check)
                endpointer.wait(heard=utterance.said)
                lead.extend((*utterance.held, frame))  # a soft beginning may be in them
                utterance = self._utterance = None
            elif endpointer.quiet_s > self._hold_s:
                begins = not utterance.held
                yield from self._followed(utterance, utterance.pause(frame), endpointer.quiet_s)
                if begins and self._by_meaning:
                    endpointer.wait_for(self._wait_s(utterance))
            else:
                yield from self._followed(utterance, utterance.speak([frame]))
        if utterance is not None:
            yield from self._finish(utterance)

    def _followed(
        self, utterance: DraftedUtterance | StreamedUtterance, events: Iterable[Event], quiet_s: float = 0.0
    ) -> Iterator[Event]:
        """Yields events of an utterance, of which the end word is cut."""
        for event in events:
            if (left := self._end_word.hear(event, utterance.heard_s + quiet_s)) is not None:
                yield left

    def _wait_s(self, utterance: DraftedUtterance | StreamedUtterance) -> float:
        """Returns the seconds of quiet that end the utterance, in a pause of the speaker."""
        return wait_s(finished(utterance.text, self._recogniser.spoken(self.options)), self._request.silence_s)

    def _finish(self, utterance: DraftedUtterance | StreamedUtterance) -> list[Segment]:
        """Ends an utterance; returns its last segments."""
        had_segments = utterance.said
        speech = self._end_word.finish(list(utterance.finish()))
        utterance.said = had_segments or bool(speech)
        # A stream with enough speech fixes the language for the rest of the session.
        if self.options.language is None and utterance.seconds >= _LANGUAGE_FIXED_S:
            self.options = replace(self.options, language=utterance.language)
        return speech

    def _begun(self, start: float) -> DraftedUtterance | StreamedUtterance:
        """Returns an utterance whose audio begins at the second `start`."""
        if self._streaming.feed_s:
            return StreamedUtterance(self._streaming, start)
        return DraftedUtterance(self._transcriber, start)

    def _begin(self) -> EngineStream:
        """Opens a stream; its language cannot be changed any more."""
        return self._recogniser.begin(self._job, self.options)

    def _transcribe(self, piece: Piece, draft: bool) -> list[Segment]:
        options = replace(self._with_language(piece), tries=_LIVE_TRIES)
        if draft:
            options = replace(options, word_times=False, beam=1, tries=1)
        segments = self._recogniser.transcribe(self._job, piece, options, _PAD_S, live=True)
        segments = self._heard(segments, piece.start, draft)
        if self._judge and segments and not draft:
            text = " ".join(segment.text for segment in segments)
            self._judge.begin(self._recogniser.for_readings(piece, _PAD_S), text)
        if (own := self._request.own) and not draft:
            language = self.language
            segments = [own.mended(each, language, self._scorer.of(piece, each, language)) for each in segments]
        return segments

    def _heard(self, segments: list[Segment], start_s: float, draft: bool = False) -> list[Segment]:
        """Returns segments of the sound from `start_s` up to now; none if they are not speech but a habit of the
        engine. Behind a text that is final the rest has to be speech by itself: a breath is not. A draft of an
        utterance's beginning, too short to tell, is shown."""
        first = max(0, len(self._probabilities) - round((self.seconds - start_s) * RATE / FRAME))
        if draft and not first:
            return segments
        return heard(segments, *_certainty(self._probabilities, first), self._habits)

    def _with_language(self, piece: Piece) -> Options:
        """Returns the options with the language of the piece; the first seconds of speech decide for the session."""
        if self.options.language is not None:
            return self.options
        own = self.options.languages
        if (detected := self._recogniser.detect_language(self._job, piece, own, live=True)) is None:
            return self.options
        self.detected, options = detected, replace(self.options, language=detected.tag)
        if len(piece.samples) >= _LANGUAGE_FIXED_S * RATE:
            self.options = options
        return options


def _certainty(probabilities: Sequence[float], first: int) -> tuple[float, float]:
    """Returns the mean probability of speech between the pauses from the frame `first` on, as of a recording's piece,
    and the seconds there."""
    judged = [p if p >= SPEECH else 0.0 for p in probabilities]
    spoken = [p for start, end in spans([*map(bool, judged)]) for p in judged[max(start, first) : end]]
    return sum(spoken) / max(1, len(spoken)), len(spoken) * FRAME / RATE

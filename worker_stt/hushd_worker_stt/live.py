"""Listening to somebody who speaks now: text while they speak, and an end when they have finished."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from hushd_protocol.errors import HushdError

from .endpoint import Endpointer, State
from .engine import FRAME, RATE, Engine, Segment
from .level import RunningGain
from .pieces import LONGEST_S, SHORTEST_S, quietest

if TYPE_CHECKING:
    from .engine import Samples

_LEAD = 28  # frames kept from before a beginning was noticed: 0.5 s, and the 0.4 s that noticing takes at most
_HOLD_S = 0.3  # quiet after which the text is made ready: if the silence lasts, the answer is there when it ends
_UPDATE_S = 0.5  # of speech between two unstable texts at least
_UPDATE_SHARE = 8  # and this fraction of the utterance, so that repeating it costs a few times one pass, not n / 2


@dataclass(frozen=True, slots=True)
class Unstable:
    """What the engine takes the unfinished end of an utterance for; the next one replaces it."""

    text: str


class LiveText(Protocol):
    """The text of one utterance."""

    def add(self, samples: Samples) -> Iterator[Segment]:
        """Takes the next audio; yields what it makes final, in a long utterance."""

    def unstable(self) -> str:
        """The text after the last final segment, as far as it can be told now."""

    def finish(self) -> Iterator[Segment]:
        """Yields the rest, final."""


class RepeatedTranscription:
    """`LiveText` by an engine that knows only whole pieces: what is not final yet is transcribed again each time."""

    def __init__(self, engine: Engine, start: float, language: str | None) -> None:
        self._engine = engine
        self._start = start
        self._language = language
        self._audio: list[Samples] = []
        self._length = 0
        self._segments: list[Segment] | None = []  # of exactly the audio held; None when not known

    def add(self, samples: Samples) -> Iterator[Segment]:
        self._audio.append(samples)
        self._length += len(samples)
        self._segments = None
        if self._length > LONGEST_S * RATE:
            audio = np.concatenate(self._audio)
            end = quietest(audio, int(SHORTEST_S * RATE))
            yield from self._transcribe(audio[:end])
            self._start += end / RATE
            self._audio, self._length = [audio[end:]], len(audio) - end

    def unstable(self) -> str:
        return " ".join(segment.text for segment in self._known())

    def finish(self) -> Iterator[Segment]:
        yield from self._known()

    def _known(self) -> list[Segment]:
        if self._segments is None:
            self._segments = list(self._transcribe(np.concatenate(self._audio)))
        return self._segments

    def _transcribe(self, audio: Samples) -> Iterator[Segment]:
        for segment in self._engine.transcribe([audio], self._language):
            words = tuple(
                replace(word, start=word.start + self._start, end=word.end + self._start) for word in segment.words
            )
            yield replace(segment, start=segment.start + self._start, end=segment.end + self._start, words=words)


class _Utterance:
    """Speech from its beginning to its end, and when its text is worth another look."""

    def __init__(self, text: LiveText) -> None:
        self._text = text
        self._held: list[Samples] = []  # quiet that may turn out to be the end
        self._spoken = 0.0  # seconds
        self._next_update = _UPDATE_S
        self._unstable = ""
        self.said = False  # whether there was a segment, so that it was no cough

    def speak(self, frames: Iterable[Samples]) -> Iterator[Segment | Unstable]:
        for samples in (*self._held, *frames):
            self._spoken += len(samples) / RATE
            yield from self._final(self._text.add(samples))
        self._held.clear()
        if self._spoken >= self._next_update:
            self._next_update = self._spoken + max(_UPDATE_S, self._spoken / _UPDATE_SHARE)
            yield from self._update()

    def pause(self, frame: Samples) -> Iterator[Unstable]:
        if not self._held:
            yield from self._update()
        self._held.append(frame)

    def finish(self) -> Iterator[Segment]:
        yield from self._final(self._text.finish())

    def _final(self, segments: Iterator[Segment]) -> Iterator[Segment]:
        for segment in segments:
            self.said = True
            yield segment

    def _update(self) -> Iterator[Unstable]:
        now = self._text.unstable()
        if now and now != self._unstable:
            self._unstable = now
            yield Unstable(now)


class Listener:
    """Hears one utterance out of a stream of audio.

    Attributes:
        seconds: of audio heard.
        ended: `endpoint` when the speaker finished, `input` when the audio did; known after `events`.
    """

    def __init__(self, engine: Engine, language: str | None, silence_s: float, no_speech_s: float) -> None:
        self._engine = engine
        self._language = language
        self._endpointer = Endpointer(silence_s, no_speech_s)
        self._no_speech_s = no_speech_s
        self.seconds = 0.0
        self.ended = "input"

    def events(self, audio: Iterable[Samples]) -> Iterator[Segment | Unstable]:
        """Yields unstable texts and segments until the utterance has ended or `audio` has.

        Raises:
            HushdError: `no_speech` when nobody has spoken in time.
        """
        detector = self._engine.detector()
        gain = RunningGain(FRAME)
        lead: deque[Samples] = deque(maxlen=_LEAD)
        utterance: _Utterance | None = None
        try:
            for frame in _frames(audio):
                self.seconds += len(frame) / RATE
                # The last frame of all may be short; it is heard, and too short to be judged.
                spoken = len(frame) == FRAME and detector.feed(gain.apply(frame))
                state = self._endpointer.feed(spoken)
                if state is State.NOBODY:
                    raise HushdError(
                        "no_speech",
                        f"Nobody spoke within {self._no_speech_s:g} seconds: is the microphone on?",
                    )
                if utterance is None:
                    lead.append(frame)
                    if state is State.WAITING:
                        continue
                    start = self.seconds - sum(map(len, lead)) / RATE
                    utterance = _Utterance(self._engine.live_text(start, self._language))
                    yield from utterance.speak(lead)
                    lead.clear()
                elif state is State.ENDED:
                    yield from utterance.finish()
                    if utterance.said:
                        self.ended = "endpoint"
                        return
                    utterance = None
                    self._endpointer.again()
                elif self._endpointer.quiet_s > _HOLD_S:
                    yield from utterance.pause(frame)
                else:
                    yield from utterance.speak([frame])
            if utterance is not None:
                yield from utterance.finish()
        finally:
            detector.close()


def _frames(audio: Iterable[Samples]) -> Iterator[Samples]:
    """`audio` in frames of `FRAME` samples, the last one shorter."""
    rest = np.zeros(0, np.float32)
    for block in audio:
        joined = np.concatenate((rest, block)) if len(rest) else block
        whole = len(joined) // FRAME * FRAME
        yield from joined[:whole].reshape(-1, FRAME)
        rest = joined[whole:]
    if len(rest):
        yield rest

"""An utterance for a model that streams: each part of it is fed once, and the text grows.

The model's text during the speech is only shown; the final text comes from the stream's end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hushd_worker_stt.audio.level import trim
from hushd_worker_stt.engine import RATE, EngineStream, Hypothesis, PieceLength, Samples, Segment
from hushd_worker_stt.partials import Unstable
from hushd_worker_stt.reader import shifted
from hushd_worker_stt.segmentation.pieces import quiet_place

from .drafted import without


@dataclass(frozen=True, slots=True)
class Streaming:
    """The functions and limits of the model's streams.

    Attributes:
        begin: opens a stream.
        feed_s: the seconds per feed.
        length: the length of a stream: an utterance goes on in another stream at the first pause after `shortest`, or,
            without a pause, after `longest`.
        pad_s: seconds of quiet kept before the speech in it.
        heard: returns the segments of a stream, none if it was not speech, by the second at which the stream began.
    """

    begin: Callable[[], EngineStream]
    feed_s: float
    length: PieceLength
    pad_s: float
    heard: Callable[[list[Segment], float], list[Segment]] = lambda segments, start_s: segments


class StreamedUtterance:
    """Speech from its beginning to its end.

    Attributes:
        said: whether it had a segment, and so was not a cough.
        held: the quiet that may become the end; it is fed when the speech goes on.
        language: the language of its last stream, if the model has detected it.
        seconds: the seconds of its speech so far.
    """

    def __init__(self, streaming: Streaming, start: float) -> None:
        self._streaming = streaming
        self._position = start  # the second of the first sample that was not fed
        self._pending: list[Samples] = []
        self._stream: EngineStream | None = None
        self._start = start  # the start of the open stream
        self._sent = Unstable("", "")
        self.said = False
        self.held: list[Samples] = []
        self.language: str | None = None
        self.seconds = 0.0

    @property
    def heard_s(self) -> float:
        """The seconds that a model has heard: a stream hears all at once."""
        return self.seconds

    @property
    def text(self) -> str:
        """Returns the text of the open stream, as far as the model has heard it; empty if none is open."""
        return self._sent.stable + self._sent.text

    def speak(self, frames: Iterable[Samples]) -> Iterator[Segment | Unstable]:
        self._pending += (*self.held, *frames)
        self.held.clear()
        if sum(map(len, self._pending)) < self._streaming.feed_s * RATE:
            return
        audio = self._next_audio()
        if self._length(audio) <= self._streaming.length.longest:
            yield from self._report(self._feed(audio))
            return
        end = quiet_place(audio, 0)
        self._feed(audio[:end])
        yield from self._end()
        self._pending = [audio[end:]]

    def pause(self, frame: Samples) -> Iterator[Segment | Unstable]:
        """Feeds all speech to the model, so that little is left to do if this is the end."""
        if not self.held and len(audio := self._next_audio()):
            hypothesis = self._feed(audio)
            if self._position - self._start >= self._streaming.length.shortest:
                yield from self._end()
            else:
                yield from self._report(hypothesis)
        self.held.append(frame)

    def finish(self) -> Iterator[Segment]:
        if len(audio := self._next_audio()):
            self._feed(audio)
        yield from self._end()

    def close(self) -> None:
        """Ends the open stream, if any, without its text."""
        if stream := self._stream:
            self._stream = None
            stream.cancel()

    def _next_audio(self) -> Samples:
        audio = np.concatenate([np.zeros(0, np.float32), *self._pending])
        self._pending = []
        return audio

    def _length(self, audio: Samples) -> float:
        """Returns the seconds of the open stream after feeding it `audio`."""
        fed = self._position - self._start if self._stream else 0.0
        return fed + len(audio) / RATE

    def _feed(self, audio: Samples) -> Hypothesis:
        if self._stream is None:
            quiet, _ = trim(audio, round(self._streaming.pad_s * RATE))
            audio = audio[quiet:]
            self._start = self._position = self._position + quiet / RATE
            self._stream = self._streaming.begin()
        self._position += len(audio) / RATE
        self.seconds += len(audio) / RATE
        return self._stream.feed(audio)

    def _report(self, hypothesis: Hypothesis) -> Iterator[Unstable]:
        """Yields the text if it has changed. Stable text stays, even if the model changes it."""
        text = (hypothesis.committed + hypothesis.tentative).lstrip()
        stable = hypothesis.committed.lstrip()
        if not stable.startswith(self._sent.stable):
            stable = self._sent.stable
            now = Unstable(stable, without(text, stable))
        else:
            now = Unstable(stable, text[len(stable) :])
        if now != self._sent:
            self._sent = now
            yield now

    def _end(self) -> Iterator[Segment]:
        if (stream := self._stream) is None:
            return
        segments = self._streaming.heard(stream.finish(), self._start)
        self._stream, self.language = None, stream.language or self.language
        self._sent = Unstable("", "")
        for segment in segments:
            if segment.text.strip():
                self.said = True
                yield shifted(segment, self._start).within(self._position)  # some models return invalid times

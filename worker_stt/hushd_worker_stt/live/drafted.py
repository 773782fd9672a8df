"""An utterance for a model that takes complete pieces: it is transcribed repeatedly while it grows.

When the speaker pauses, the whole utterance gets its final transcription: if the pause turns out to be the end, the
text is ready; if the speaker goes on after enough of it, that text stays, and is not transcribed again. Drafts take a
share of the time, so that a slow engine makes fewer of them and does not fall behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from hushd_worker_stt.engine import RATE, PieceLength, Samples, Segment
from hushd_worker_stt.partials import Unstable
from hushd_worker_stt.segmentation.pieces import Piece, quiet_place
from hushd_worker_stt.wording import keys, split

_UPDATE_S = 0.25  # the minimum of audio between two drafts
_DRAFT_TIME_SHARE, _MAX_DRAFT_TIME_SHARE = 0.25, 0.5  # shares of the time for drafts; the second where they are late
_LATE_S = 1.25  # seconds of audio between two drafts, so that with its own time a draft is 2 s old at most
_EAGER_S = 1.0  # seconds at the beginning of an utterance, when drafts follow each other until there is text


@dataclass(frozen=True, slots=True)
class Transcriber:
    """Transcribes pieces of a session.
    `transcribe`: the function that transcribes; its second argument is True for a draft, which may be less accurate."""

    transcribe: Callable[[Piece, bool], list[Segment]]
    length: PieceLength
    clock: Callable[[], float] = time.monotonic


class DraftedUtterance:
    """Speech from its beginning to its end.

    Attributes:
        said: whether it had a segment, and so was not a cough.
        held: the quiet that may become the end.
        language: always None, since the language of pieces is detected.
        seconds: the seconds since the beginning.
        heard_s: of these, up to the last pass.
    """

    language: str | None = None

    def __init__(self, transcriber: Transcriber, start: float) -> None:
        self._transcriber = transcriber
        self._start = start  # the second at which the audio begins that is not final yet
        self._audio: list[Samples] = []
        self._length = 0
        self._final: list[Segment] | None = []  # segments of exactly the held audio; None: unknown
        self._phrase = 0  # the sample at which the present phrase begins
        self._earlier_text = ""  # the text before that phrase
        self._next_draft = 0.0
        self._next_final = 0.0
        self._agreement = Agreement()
        self._sent = Unstable("", "")
        self.said = False
        self.held: list[Samples] = []
        self.seconds = self.heard_s = 0.0

    @property
    def text(self) -> str:
        """Returns the text since the last segment, during a pause; empty if there was no time to make it."""
        return "" if self._final is None else _text(self._final)

    def speak(self, frames: Iterable[Samples]) -> Iterator[Segment | Unstable]:
        if self.held and self._final and self._length >= self._transcriber.length.shortest * RATE:
            yield from self._finalise(self._length, self._final)
        for samples in (*self.held, *frames):
            self._audio.append(samples)
            self._length += len(samples)
            self.seconds += len(samples) / RATE
            self._final = None
            if self._length > self._transcriber.length.longest * RATE:
                audio = np.concatenate(self._audio)
                end = quiet_place(audio, int(self._transcriber.length.shortest * RATE))
                yield from self._finalise(end, self._transcriber.transcribe(Piece(self._start, audio[:end]), False))
        self.held.clear()
        if self.seconds >= self._next_draft:
            draft = self._pass(self._phrase, draft=True)
            yield from self._update(f"{self._earlier_text} {_text(draft)}")

    def pause(self, frame: Samples) -> Iterator[Unstable]:
        if self._final is None and self.seconds + sum(map(len, self.held)) / RATE >= self._next_final:
            self._final = self._pass(0, draft=False)
            self._phrase, self._earlier_text = self._length, _text(self._final)
            yield from self._update(self._earlier_text)
        self.held.append(frame)

    def finish(self) -> Iterator[Segment]:
        if self._final is None:
            self._final = self._pass(0, draft=False)
        yield from self._say(self._final)

    def _finalise(self, end: int, final: list[Segment]) -> Iterator[Segment | Unstable]:
        """Finishes the utterance up to the sample `end` of the audio that is not final; `final` is its text."""
        yield from self._say(final)
        self._start += end / RATE
        self._audio = [np.concatenate(self._audio)[end:]]
        self._length -= end
        self._earlier_text = without(self._earlier_text, _text(final)) if self._phrase > end else ""
        self._phrase = max(0, self._phrase - end)
        self._final = None
        self._agreement.finish(_text(final))
        yield from self._report()

    def _pass(self, first: int, draft: bool) -> list[Segment]:
        """Transcribes from the sample `first` on."""
        began = self._transcriber.clock()
        self._audio = [np.concatenate(self._audio)]
        segments = self._transcriber.transcribe(Piece(self._start + first / RATE, self._audio[0][first:]), draft)
        cost = self._transcriber.clock() - began
        self.heard_s = self.seconds
        eager = self.seconds < _EAGER_S and not segments and not self._sent.text
        wait_s = max(min(cost / _DRAFT_TIME_SHARE, _LATE_S), cost / _MAX_DRAFT_TIME_SHARE, _UPDATE_S)
        self._next_draft = self.seconds + (cost if eager else wait_s)
        self._next_final = self.seconds + cost
        return segments

    def _update(self, text: str) -> Iterator[Unstable]:
        self._agreement.update(text)
        yield from self._report()

    def _report(self) -> Iterator[Unstable]:
        now = Unstable(self._agreement.stable, self._agreement.text)
        if now != self._sent:
            self._sent = now
            yield now

    def _say(self, segments: list[Segment]) -> Iterator[Segment]:
        self.said = self.said or bool(segments)
        yield from segments

    def close(self) -> None:
        """Does nothing, since there is no open stream."""


def _text(segments: Iterable[Segment]) -> str:
    return " ".join(segment.text for segment in segments)


class Agreement:
    """An utterance while it is transcribed; its text so far is `stable + text`.

    Attributes:
        stable: the text that only grows at its end.
        text: the rest of the last pass.
    """

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._rest: list[str] = []

    @property
    def stable(self) -> str:
        return "".join(self._stable).lstrip()

    @property
    def text(self) -> str:
        text = "".join(self._rest)
        return text if self._stable else text.lstrip()

    def update(self, text: str) -> None:
        """Adds the text of the next pass."""
        words = split(text)
        rest = words[_length_of(keys(self._stable), keys(words)) :]
        before = zip(keys(self._rest), keys(rest), strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], before))
        self._stable += rest[:agreed]
        self._rest = rest[agreed:]

    def finish(self, text: str) -> None:
        """Removes the words at the beginning that the final `text` replaces."""
        final = _length_of(keys(split(text)), keys([*self._stable, *self._rest]))
        self._rest = self._rest[max(0, final - len(self._stable)) :]
        self._stable = self._stable[final:]


def without(text: str, beginning: str) -> str:
    """Returns `text` without the words at its beginning that correspond to `beginning`, from another pass."""
    words = split(text)
    return "".join(words[_length_of(keys(split(beginning)), keys(words)) :])


def _length_of(stable: Sequence[str], heard: Sequence[str]) -> int:
    """The number of words at the beginning of `heard` that differ from `stable` by the fewest edits."""
    costs = list(range(len(heard) + 1))
    for i, word in enumerate(stable, 1):
        diagonal, costs[0] = costs[0], i
        for j, other in enumerate(heard, 1):
            diagonal, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, diagonal + (word != other))
    return min(range(len(costs)), key=lambda j: (costs[j], abs(j - len(stable))))

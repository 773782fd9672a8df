"""Cuts audio of any length into pieces of speech for an engine, at the pauses of the speaker, or into a client's clips,
in the form of openai-whisper's `--clip_timestamps`: start, end, start, end, …

`Cutter` decides, frame by frame, without the samples; `pieces` applies its cuts to them."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from hushd_worker_stt.engine import RATE, PieceLength, Samples

from .vad import FRAME

if TYPE_CHECKING:
    import numpy.typing as npt


PAUSE = 9  # frames: 0.3 s, longer than the closure of a consonant
_ENOUGH_SPOKEN = 312  # frames: 10 s, which are read in a second; less lacks what surrounds a word
_SPOKEN = 4  # the minimum of frames of speech in a span, 0.13 s: less is a click or a cough
_QUIET_BETWEEN_PIECES_S = 2.0  # seconds of quiet that end a piece, since a model would invent words for them
_LOOK = 62  # frames of quiet that are judged together, 2 s
_BREATH = 3  # frames of quiet in running speech, 0.1 s, which are a better place to cut than the quietest speech


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive audio of a recording.

    Attributes:
        start: the seconds from the start of the recording.
        speech: the spans of speech in it, in seconds of the recording; empty if unknown.
        certainty: the detector's mean probability of speech in them; 1 if unknown.
        ends: False for a piece up to a pause, which follows again, with the same speech if that was the end.
        torn: whether it ends in the middle of speech, which the next one continues.
    """

    start: float
    samples: Samples
    speech: tuple[tuple[float, float], ...] = ()
    certainty: float = 1.0
    ends: bool = True
    torn: bool = False

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / RATE


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece, in frames from the start of the recording, ends excluded; `speech` is inside it, in order. `ends` and
    `torn` are as in `Piece`."""

    start: int
    end: int
    speech: tuple[tuple[int, int], ...]
    ends: bool = True
    torn: bool = False


class Cutter:
    """Finds the beginnings and ends of the pieces in a stream of frames.

    A piece begins with speech and ends before 2 s of quiet, or `min_silence_s`, if that is more. A piece that reaches
    `length.longest` is cut after `length.shortest`: in the last pause of `min_silence_s`, or else in the longest
    breath, or else at the quietest 0.3 s. `pad_s` of quiet is kept around each piece; in a pause that is too short for
    two of them, each piece gets a half.

    Args:
        length: the length of the pieces, with the quiet kept around them.
        min_silence_s: the quiet that ends a span of speech.
        pad_s: the quiet kept on either side.
        shorter: whether `length` is below the engine's best, because memory is short.
        as_spoken: whether somebody speaks at the moment: a pause of 0.3 s ends a piece of 10 s, which is read while the
            next is spoken, and brings a shorter one, in case that was the end.

    Attributes:
        shortened: whether speech was cut because `length` is `shorter`.
    """

    def __init__(
        self, length: PieceLength, min_silence_s: float, pad_s: float, shorter: bool = False, *, as_spoken: bool = False
    ) -> None:
        self.as_spoken = as_spoken
        self._longest = max(2, int(length.longest * RATE / FRAME))
        self._shortest = min(_frames(length.shortest), self._longest // 2)
        self._pad = min(_frames(pad_s), self._longest // 4)
        self._min_silence = max(1, _frames(min_silence_s))
        self._apart = max(self._min_silence, 2 * self._pad, _frames(_QUIET_BETWEEN_PIECES_S))
        self._shorter = shorter
        self._now = 0  # the number of frames fed
        self._floor = 0  # earlier frames were in a piece already
        self._start = 0  # the start of the current piece, whose frames `_spoken` and `_energy` describe
        self._spoken: list[bool] = []
        self._energy: list[float] = []
        self._end = 0  # the end of the speech in it
        self._torn = False  # whether it begins in the middle of speech
        self._maybe: int | None = None  # the end of speech in a piece, which was too early if more speech follows soon
        self.shortened = False

    @property
    def keep(self) -> int:
        """Returns the first frame that may still belong to a piece."""
        return self._start if self._spoken else max(self._floor, self._now - self._pad)

    def feed(self, spoken: bool, energy: float) -> Cut | None:
        """Adds the next frame: whether it contains speech, and its energy. Returns a piece that ends with it."""
        now, self._now = self._now, self._now + 1
        if not self._spoken:
            if not spoken:
                return None
            self._begin(now)
        self._spoken.append(spoken)
        self._energy.append(energy)
        if spoken:
            self._end = now + 1
        quiet = now + 1 - self._end
        if quiet == self._apart or (quiet == self._min_silence and not self._spans()):  # enough, or it was a click
            return self._close(self._end + self._pad)
        if len(self._spoken) == self._longest:
            return self._cut()
        if self.as_spoken and quiet == PAUSE and self._spans():
            return self.finish() if len(self._spoken) >= _ENOUGH_SPOKEN else self._piece(now + 1, ends=False)
        return None

    def finish(self) -> Cut | None:
        """Returns the last piece, after the last frame."""
        return self._close(min(self._end + self._pad, self._now)) if self._spoken else None

    def _begin(self, now: int) -> None:
        if self._maybe is not None:
            self.shortened |= now - self._maybe < self._apart
            self._maybe = None
        self._start = max(self._floor, now - self._pad)
        quiet = now - self._start
        self._spoken, self._energy, self._torn = [False] * quiet, [0.0] * quiet, False

    def _cut(self) -> Cut | None:
        """Cuts the piece, which has reached its maximum length, and goes on with the rest."""
        place = _place(self._spoken, self._energy, self._shortest, self._min_silence)
        torn = any(first < place < last for first, last in self._spans())
        at, end, spoken, energy = self._start + place, self._end, self._spoken[place:], self._energy[place:]
        cut = self._close(at)
        self._floor = at
        if any(spoken):
            skip = max(0, spoken.index(True) - self._pad)
            self._start, self._end, self._torn = at + skip, end, torn
            self._spoken, self._energy = spoken[skip:], energy[skip:]
            self.shortened |= self._shorter
        elif self._shorter:
            self._maybe = end
        return cut and replace(cut, torn=torn)

    def _close(self, end: int) -> Cut | None:
        """Ends the piece at `end`; returns it without clicks at its ends, None if nothing else is left."""
        cut = self._piece(end)
        self._spoken = []
        self._floor = cut.end if cut else self._floor
        return cut

    def _piece(self, end: int, *, ends: bool = True) -> Cut | None:
        start = self._start
        speech = tuple((start + first, min(start + last, end)) for first, last in self._spans() if start + first < end)
        if not speech:
            return None
        last = min(end, speech[-1][1] + self._pad)
        return Cut(max(start, speech[0][0] - self._pad), last, speech, ends)

    def _spans(self) -> list[tuple[int, int]]:
        return spans(self._spoken, self._min_silence, torn=self._torn)


def spans(spoken: Sequence[bool], min_silence: int = PAUSE, *, torn: bool = False) -> list[tuple[int, int]]:
    """Returns the spans of speech in frames, without a pause of `min_silence` frames in them, and without clicks.
    `torn`: whether the first one began before these frames, so that it may be short."""
    stretches: list[tuple[int, int, int]] = []
    for index, speaks in enumerate(spoken):
        if speaks and stretches and index - stretches[-1][1] < min_silence:
            stretches[-1] = (stretches[-1][0], index + 1, stretches[-1][2] + 1)
        elif speaks:
            stretches.append((index, index + 1, 1))
    return [(a, b) for number, (a, b, count) in enumerate(stretches) if count >= _SPOKEN or (torn and number == 0)]


def pieces(
    blocks: Iterable[Samples],
    speaks: Callable[[Samples], float],
    cutter: Cutter,
    start_s: float = 0.0,
    before: int = 0,
    again: Callable[[Sequence[Samples]], list[float]] | None = None,
) -> Iterator[Piece]:
    """Yields the pieces of speech in `blocks` of audio, of any size each, which begin at `start_s` of the recording.

    No sample is yielded twice, and at most a piece and a block are held.

    Args:
        speaks: returns the probability of speech in the next `FRAME` samples, 0 for none; called for each frame in
            order.
        before: the number of frames in `blocks` before `start_s`, only for `speaks`, not for pieces.
        again: the same, for up to 2 s of frames without speech by `speaks`, before the next frame is judged.
    """
    held: deque[tuple[Samples, float]] = deque()  # frames with their probabilities of speech
    first = 0  # the first frame in `held`
    total = 0

    def piece(cut: Cut) -> Piece:
        samples = np.concatenate([frame for frame, _ in islice(held, cut.start - first, cut.end - first)])
        spoken = [p for a, b in cut.speech for _, p in islice(held, a - first, b - first)]
        speech = tuple(
            (start_s + begin * FRAME / RATE, start_s + min(end * FRAME, total) / RATE) for begin, end in cut.speech
        )
        certainty = sum(spoken) / max(1, len(spoken))
        return Piece(start_s + cut.start * FRAME / RATE, samples, speech, certainty, cut.ends, cut.torn)

    for number, (frame, probability) in enumerate(_judged(frames(blocks), speaks, again, cutter.as_spoken)):
        if number < before:
            continue
        total += len(frame)
        held.append((frame, probability))
        if cut := cutter.feed(bool(probability), float(np.dot(frame, frame))):
            yield piece(cut)
        while first < cutter.keep:
            held.popleft()
            first += 1
    if cut := cutter.finish():
        yield piece(cut)


def _judged(
    frames: Iterable[Samples],
    speaks: Callable[[Samples], float],
    again: Callable[[Sequence[Samples]], list[float]] | None,
    at_pauses: bool,
) -> Iterator[tuple[Samples, float]]:
    """Yields each frame with its probability of speech; the first of a quiet together, `at_pauses` when it is one."""
    quiet: list[Samples] = []
    look = _LOOK
    for frame in frames:
        # The very last frame may be short: it is kept, but too short to be judged.
        spoken = speaks(frame) if len(frame) == FRAME else 0.0
        if again is None:
            yield frame, spoken
            continue
        if spoken or len(frame) < FRAME:
            yield from zip(quiet, again(quiet) if quiet else (), strict=True)
            quiet, look = [], PAUSE if at_pauses else _LOOK
            yield frame, spoken
        else:
            quiet.append(frame)
        if len(quiet) == look:
            yield from zip(quiet, again(quiet), strict=True)
            quiet, look = [], _LOOK
    if again is not None and quiet:
        yield from zip(quiet, again(quiet), strict=True)


def frames(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yields the audio of `blocks`, of one channel or more, in frames of `FRAME` samples, the last one shorter."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate((rest, block)) if len(rest) else block
        whole = len(joined) // FRAME * FRAME
        yield from joined[:whole].reshape(-1, FRAME, *joined.shape[1:])
        rest = joined[whole:]
    if len(rest):
        yield rest


def _frames(seconds: float) -> int:
    return round(seconds * RATE / FRAME)


def _place(spoken: list[bool], energy: list[float], earliest: int, pause: int) -> int:
    """Returns the frame at which to cut a piece, from `earliest` on: the middle of its last quiet of at least `pause`
    frames, or else of its longest quiet, or, if that is not a breath, of its quietest 0.3 s."""
    best, end, run = 0, 0, 0
    for index in range(earliest, len(spoken)):
        run = 0 if spoken[index] else run + 1
        if min(run, pause) >= min(best, pause):
            best, end = run, index + 1
    if best >= _BREATH:
        return end - best // 2
    return earliest + max(1, quietest(energy[earliest:], min(PAUSE, len(energy) - earliest - 1)))


def quietest(energy: npt.ArrayLike, width: int) -> int:
    """Returns the middle of the `width` successive frames with the least energy."""
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    return int(np.argmin(sums[width:] - sums[:-width])) + width // 2


def quiet_place(audio: Samples, earliest: int) -> int:
    """Returns the sample at which to cut: the middle of the quietest 0.3 s from `earliest` on; the end if there are
    none."""
    frames = audio[earliest : earliest + (len(audio) - earliest) // FRAME * FRAME].reshape(-1, FRAME)
    if len(frames) <= PAUSE:
        return len(audio)
    return earliest + quietest(np.square(frames).sum(axis=1, dtype=np.float64), PAUSE) * FRAME


def clipped(
    blocks: Iterable[Samples], bounds: Sequence[float], start_s: float
) -> Iterator[tuple[float, Iterator[Samples]]]:
    """Yields each clip of the audio in `blocks`, which begin at `start_s`: the seconds from there to its beginning, and
    its audio.

    Audio after the last clip is not read. A last clip without an end goes on to the end of the recording.

    Args:
        bounds: ascending seconds of the whole recording.
    """
    reader = _Reader(blocks, round(start_s * RATE))
    for begin_s, end_s in zip_longest(bounds[::2], bounds[1::2]):
        begin, end = round(begin_s * RATE), sys.maxsize if end_s is None else round(end_s * RATE)
        reader.skip(begin)
        if reader.position < end:
            yield reader.position / RATE - start_s, reader.until(end)
        reader.skip(end)


class _Reader:
    """Audio in blocks of any size, read up to given samples; `position` counts samples from the start of the
    recording."""

    def __init__(self, blocks: Iterable[Samples], position: int) -> None:
        self._blocks = iter(blocks)
        self._rest: Samples | None = None
        self.position = position

    def until(self, end: int) -> Iterator[Samples]:
        """Yields the audio from `position` to the sample `end`, or to the end of the audio."""
        while self.position < end:
            block = next(self._blocks, None) if self._rest is None else self._rest
            if block is None:
                return
            part, rest = block[: end - self.position], block[end - self.position :]
            self._rest = rest if len(rest) else None
            self.position += len(part)
            yield part

    def skip(self, end: int) -> None:
        """Skips the audio up to the sample `end`, if that is ahead."""
        if end < sys.maxsize:
            deque(self.until(end), maxlen=0)

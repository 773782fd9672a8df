"""Separates the speakers of a recording: a first pass, before the transcription.

Windows of 10 s are analysed every 2.5 s. In each, one model finds up to three speakers and the times of their speech,
and another embeds each voice. At the end of the recording the embeddings are clustered by speaker, and the overlapping
windows vote on who spoke at each moment.

An hour of talk takes 2 MB of memory, with any recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hushd_worker_stt.audio.level import SILENT_LEVEL, level, normalise
from hushd_worker_stt.audio.recording import Spool
from hushd_worker_stt.engine import RATE, Samples

from .clustering import assign, people
from .models import FRAME_STEP_SAMPLES, SPEAKERS_AT_ONCE, WINDOW, WINDOW_FRAMES, frame_time
from .turns import SpeakerTurn, Stretch, Voice, divided, stretches, tidied

if TYPE_CHECKING:
    import numpy.typing as npt

    from .clustering import Numbers
    from .models import DiarizationModels

_STEP = 148  # frames from one window to the next: 2.5 s. Twice as far made four times as many errors in short turns.
_MAX_EMBEDDED_FRAMES = 237  # 4 s: an embedding of more is not better
_SIMPLE_EMBEDDED_FRAMES = 118  # 2 s; of 1 s, two people were taken for three
_CLEAR = 25  # frames of a single voice, 0.4 s: with less, frames with other voices are used, too
_FAINT = 5  # frames: shorter speech gets no embedding


@dataclass(frozen=True, slots=True)
class _Window:
    """The analysis of one window: `active`, `frames` by `SPEAKERS_AT_ONCE` bits, and columns with embeddings."""

    frames: int
    active: bytes
    columns: tuple[int, ...] = ()
    embeddings: npt.NDArray[np.float16] | None = None
    seconds: tuple[float, ...] = ()  # seconds of a single voice, for each embedding

    def spoken(self) -> npt.NDArray[np.bool_]:
        bits = np.unpackbits(np.frombuffer(self.active, np.uint8), count=self.frames * SPEAKERS_AT_ONCE)
        return bits.reshape(self.frames, SPEAKERS_AT_ONCE).astype(bool)


class Diarizer:
    """Finds the turns of the speakers in one recording.
    `simple`: whether windows stand side by side, and less of a voice is embedded: at most 55 instead of 75 MB, and a
    quarter of the work; of four conversations 8 to 14 % are wrong instead of 4 to 10."""

    def __init__(self, models: DiarizationModels, *, simple: bool = False) -> None:
        self._models = models
        self._step = WINDOW_FRAMES if simple else _STEP
        self._embedded = _SIMPLE_EMBEDDED_FRAMES if simple else _MAX_EMBEDDED_FRAMES
        self._held = np.zeros(0, np.float32)
        self._fresh = 0  # samples at the end of `_held` that were not in a window yet
        self._windows: list[_Window] = []

    def feed(self, samples: Samples) -> None:
        """Takes the next audio, of any length."""
        self._held = np.concatenate((self._held, samples)) if len(self._held) else samples
        self._fresh += len(samples)
        while len(self._held) >= WINDOW:
            self._analyse(self._held[:WINDOW])
            self._held = self._held[self._step * FRAME_STEP_SAMPLES :]
            self._fresh = len(self._held) - (WINDOW - self._step * FRAME_STEP_SAMPLES)

    def turns(self, speakers: int = 0, check: Callable[[], None] = lambda: None) -> list[SpeakerTurn]:
        """Returns the turns in order; turns of different speakers may overlap. Called once, after all audio was fed.

        Args:
            speakers: the number of speakers; 0: unknown.
            check: called from time to time; its exceptions end the search.
        """
        if self._fresh > 0:
            self._analyse(self._held)
            self._fresh = 0
        voices = self._voices(speakers, check)
        if voices is None:
            return []
        return tidied(_voiced(list(self._decode(voices, check)), voices))

    def _analyse(self, window: Samples) -> None:
        frames = min(WINDOW_FRAMES, -(-len(window) // FRAME_STEP_SAMPLES))
        if len(window) < 2 * FRAME_STEP_SAMPLES or level(window) < SILENT_LEVEL:
            self._windows.append(_Window(frames, np.packbits(np.zeros(frames * SPEAKERS_AT_ONCE, bool)).tobytes()))
            return
        window = normalise(window)
        active = self._models.activity(window)
        single = active & (active.sum(axis=1, keepdims=True) == 1)
        features = self._models.features(window)
        columns, embeddings, seconds = [], [], []
        for column in range(SPEAKERS_AT_ONCE):
            if active[:, column].sum() < _FAINT:
                continue
            clear = single[:, column]
            spoken = clear if clear.sum() >= _CLEAR else active[:, column]
            embedding = self._models.embedding(features, _middle(spoken, self._embedded))
            if embedding is not None:
                columns.append(column)
                embeddings.append(embedding.astype(np.float16))
                seconds.append(max(float(clear.sum()) * FRAME_STEP_SAMPLES / RATE, 0.1))
        self._windows.append(
            _Window(
                len(active),
                np.packbits(active).tobytes(),
                tuple(columns),
                np.array(embeddings) if embeddings else None,
                tuple(seconds),
            )
        )

    def _voices(self, speakers: int, check: Callable[[], None]) -> Samples | None:
        """Returns the centroid of each speaker, in rows; None if nobody speaks."""
        seconds = np.array([second for window in self._windows for second in window.seconds], np.float32)
        if len(seconds) == 0:
            return None
        each = (row for window in self._windows if window.embeddings is not None for row in window.embeddings)
        share = self._step / WINDOW_FRAMES  # share of each second of a window, since other windows cover it, too
        return people(np.array(list(each), np.float32), seconds, speakers, share, check)

    def _decode(self, voices: Samples, check: Callable[[], None]) -> Iterator[SpeakerTurn]:
        """Yields the turns by the votes of all windows, cut at breaths."""
        votes = np.zeros((WINDOW_FRAMES, len(voices)), np.float32)  # each speaker's votes, from the windows so far
        heads = np.zeros((WINDOW_FRAMES, 2), np.float32)  # the weighted number of speakers; the weight
        runs = _Runs(len(voices))
        for number, window in enumerate(self._windows):
            if number % 100 == 0:
                check()
            spoken, frames = window.spoken(), window.frames
            # A window knows little of the sound around it, so its middle counts most.
            weight = np.minimum(np.arange(1, WINDOW_FRAMES + 1), np.arange(WINDOW_FRAMES, 0, -1))[:frames].astype(
                np.float32
            )
            if window.embeddings is not None:
                who = assign(window.embeddings.astype(np.float32), voices)
                for column, person in zip(window.columns, who, strict=True):
                    votes[:frames, person] += spoken[:, column] * weight
                heads[:frames, 0] += spoken[:, list(window.columns)].sum(axis=1) * weight
            heads[:frames, 1] += weight
            last = number == len(self._windows) - 1
            done = frames if last else self._step
            yield from runs.add(_speaking(votes[:done], heads[:done]))
            votes, heads = _moved(votes, done), _moved(heads, done)
        yield from runs.finish()


class _Runs:
    """Joins frames of speech into turns."""

    def __init__(self, people: int) -> None:
        self._before = np.zeros(people, bool)
        self._since = [0] * people
        self._frames = 0

    def add(self, speaking: npt.NDArray[np.bool_]) -> Iterator[SpeakerTurn]:
        changes = np.diff(np.vstack((self._before, speaking)).astype(np.int8), axis=0)
        for row, person in np.argwhere(changes):
            frame = self._frames + int(row)
            if changes[row, person] > 0:
                self._since[person] = frame
            else:
                yield self._turn(int(person), frame)
        self._frames += len(speaking)
        if len(speaking):
            self._before = speaking[-1]

    def finish(self) -> Iterator[SpeakerTurn]:
        for person in np.flatnonzero(self._before):
            yield self._turn(int(person), self._frames)

    def _turn(self, person: int, end: int) -> SpeakerTurn:
        return SpeakerTurn(frame_time(self._since[person]), frame_time(end), person)


def by_speaker(
    blocks: Iterable[Samples], models: DiarizationModels, speakers: int, check: Callable[[], None], *, simple: bool
) -> Iterator[tuple[Stretch, Iterator[Samples]]]:
    """Reads all `blocks`, then yields them again, in stretches of one speaker each.

    In between they are in an unlinked file of the temporary folder, 115 MB for an hour. The audio of a stretch must be
    read before the next stretch. Raises `output_failed` if the temporary folder is full.
    """
    diarizer = Diarizer(models, simple=simple)
    spool = Spool()
    with spool.file:
        for block in blocks:
            check()
            spool.write(block.astype(np.float16).tobytes())  # keeps quiet speech, unlike 16-bit integers
            diarizer.feed(block)
        parts = stretches(diarizer.turns(speakers, check))
        spool.file.seek(0)

        def again() -> Iterator[Samples]:
            while data := spool.file.read(2 * RATE):
                check()
                yield np.frombuffer(data, np.float16).astype(np.float32)

        yield from divided(again(), parts)


def _voiced(turns: list[SpeakerTurn], embeddings: Samples) -> list[SpeakerTurn]:
    """Returns `turns` with the voices of their speakers, which are numbered like the rows of `embeddings`."""
    seconds = np.bincount(
        [turn.speaker for turn in turns], [turn.end - turn.start for turn in turns], minlength=len(embeddings)
    )
    voices = [Voice(row, float(length)) for row, length in zip(embeddings, seconds, strict=True)]
    return [replace(turn, voice=voices[turn.speaker]) for turn in turns]


def _speaking(votes: Samples, heads: Samples) -> npt.NDArray[np.bool_]:
    """Returns the speakers of each frame: those with most votes, as many as the windows counted on average."""
    count = np.rint(heads[:, 0] / np.maximum(heads[:, 1], 1e-9))
    ranks = np.argsort(np.argsort(-votes, axis=1, kind="stable"), axis=1, kind="stable")
    chosen: npt.NDArray[np.bool_] = (ranks < count[:, None]) & (votes > 0)
    return chosen


def _moved(rows: Samples, by: int) -> Samples:
    moved = np.zeros_like(rows)
    moved[: len(rows) - by] = rows[by:]
    return moved


def _middle(spoken: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
    """Returns the `count` frames in the middle of the `spoken` ones."""
    frames: Numbers = np.flatnonzero(spoken)
    if len(frames) <= count:
        return spoken
    first = (len(frames) - count) // 2
    chosen = np.zeros_like(spoken)
    chosen[frames[first : first + count]] = True
    return chosen

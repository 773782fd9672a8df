"""Follows voices in a live session: the voice of each second of speech, turns, and the names of speakers.

A turn ends with its utterance, or if a second of speech is another person's. That is noticed 1 to 2 s later; the turn
then ends in the pause before, or in the quietest place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.light_dataclass import replace

from hushd_worker_stt.audio.level import SILENCE, level, normalise
from hushd_worker_stt.diarization.models import FRAMES
from hushd_worker_stt.diarization.online import MAX_TURNS, OnlineSpeakers, Turn
from hushd_worker_stt.diarization.turns import SURE_S, KnownPeople, Voice
from hushd_worker_stt.engine import RATE, Segment
from hushd_worker_stt.partials import Revised, Speaker
from hushd_worker_stt.segmentation.vad import FRAME

if TYPE_CHECKING:
    from hushd_worker_stt.diarization.models import DiarizationModels
    from hushd_worker_stt.engine import Samples

_EARLY = 18  # frames of speech, 0.6 s, by which a turn is named before its first second is complete
_WINDOW = 31  # frames of speech per embedding, 1 s; each is embedded once, since that is most of the work
_BREAK = 8  # frames of quiet, 0.26 s, that end a window
_MIN_FRAMES = 12  # 0.4 s: a shorter window is only embedded if its turn has no other
_SURE = 25  # frames: a shorter window cannot tell another person's voice
_BESIDE = 8  # frames before and after, among which speakers may change without a pause
_KEPT = 100  # frames whose energy is kept, 3 s


class Voices:
    """Follows the turns of one session.

    Args:
        count: the number of speakers; 0: unknown.
        people: voiceprints by name, of people to be recognised.

    Attributes:
        change: the second at which another person has ended the turn in progress; None: nobody has.
    """

    def __init__(
        self,
        models: DiarizationModels,
        count: int,
        people: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._models = models
        self._people = KnownPeople(people)
        self._speakers = OnlineSpeakers(count)
        self._turn = Turn()
        self._shown = ""  # the name of the turn in progress
        self._start = 0.0  # the start of that turn
        self._window: list[Samples] = []
        self._window_start = self._last_middle = 0.0  # the start of this window, and the middle of the one before
        self._quiet = 0  # frames since the last one of speech
        self._energies: deque[tuple[float, float]] = deque(maxlen=_KEPT)  # frames' beginnings and energies
        self._other: tuple[Samples, float, float] | None = None  # the window after `change`
        self._named: dict[Turn, tuple[str, list[int]]] = {}  # the name of each turn, and the numbers of its segments
        self._known: dict[int, str] = {}  # the last name of each speaker, by all of their turns
        self._segments = 0
        self.change: float | None = None

    @property
    def count(self) -> int:
        """Returns the number of speakers with a segment."""
        return len({name for name, _ in self._named.values()})

    def begin(self, frames: Iterable[Samples], start: float) -> None:
        """Begins a turn with the first frames of an utterance, which begin at the second `start`."""
        self._begin(start)
        for frame in frames:
            self._hold(frame, start)
            start += FRAME / RATE

    def hear(self, frame: Samples, start: float, *, spoken: bool) -> Iterator[Speaker]:
        """Adds the next frame of the utterance, which begins at the second `start`."""
        if not spoken:
            self._energies.append((start, _energy(frame)))
            self._quiet += 1
            if self._quiet == _BREAK:
                yield from self._pause()
            return
        self._hold(frame, start)
        if len(self._window) == _EARLY and not self._turn.seconds:
            yield from self._guess()
        elif len(self._window) >= _WINDOW:
            yield from self._close_window(start + FRAME / RATE)

    def next(self) -> Iterator[Speaker | Revised]:
        """Begins another person's turn at `change`."""
        assert self._other is not None
        assert self.change is not None
        window, self._other = self._other, None
        yield from self._ended()
        start, self.change = self.change, None
        self._turn, self._start, self._shown = Turn(), start, ""
        yield from self._grow(*window)

    def end(self) -> Iterator[Revised]:
        """Ends the turn with its utterance."""
        if len(self._window) >= _MIN_FRAMES or not self._turn.seconds:
            embedding = self._embedding()
            if embedding is not None:
                self._speakers.grow(self._turn, embedding, len(self._window) * FRAME / RATE)
        yield from self._ended()

    def settle(self, check: Callable[[], None]) -> Iterator[Revised]:
        """Ends the session by clustering all of its turns again."""
        yield from self._revised(self._speakers.settle(check))

    def name(self, segment: Segment) -> Segment:
        """Returns the next segment of the session with the name of the turn's speaker."""
        name, numbers = self._named.setdefault(self._turn, (self._name(self._turn), []))
        numbers.append(self._segments)
        self._segments += 1
        return replace(segment, speaker=name)

    def _begin(self, start: float) -> None:
        self._turn, self._start, self._shown = Turn(), start, ""
        self._window, self._quiet = [], 0
        self._energies.clear()
        self._last_middle = start

    def _hold(self, frame: Samples, start: float) -> None:
        """Adds a frame of speech to the window."""
        if not self._window:
            self._window_start = start
        self._window.append(frame)
        self._quiet = 0
        self._energies.append((start, _energy(frame)))

    def _pause(self) -> Iterator[Speaker]:
        """Closes the window before a pause, so that no window contains speech from both sides of it."""
        if len(self._window) >= _MIN_FRAMES:
            yield from self._close_window(self._window_start + len(self._window) * FRAME / RATE)
        elif self._turn.seconds:
            self._window = []

    def _guess(self) -> Iterator[Speaker]:
        """Names a turn by its first 0.6 s, only for now: its first second is embedded as a whole later."""
        embedding = self._embedding()
        if embedding is not None:
            beginning = Turn()
            self._speakers.grow(beginning, embedding, len(self._window) * FRAME / RATE)
            yield from self._show(beginning)

    def _close_window(self, end: float) -> Iterator[Speaker]:
        count, start = len(self._window), self._window_start
        embedding = self._embedding()
        self._window = []
        if embedding is None:
            return
        seconds = count * FRAME / RATE
        if count >= _SURE and self._speakers.is_other(self._turn, embedding):
            self.change, self._other = self._boundary(start), (embedding, seconds, start)
            return
        yield from self._grow(embedding, seconds, start)
        self._last_middle = (start + end) / 2

    def _grow(self, embedding: Samples, seconds: float, start: float) -> Iterator[Speaker]:
        self._speakers.grow(self._turn, embedding, seconds)
        self._last_middle = start + seconds / 2
        yield from self._show(self._turn)

    def _show(self, turn: Turn) -> Iterator[Speaker]:
        """Yields the speaker if it has changed."""
        if (name := self._name(turn)) != self._shown:
            self._shown = name
            yield Speaker(self._start, name)

    def _boundary(self, start: float) -> float:
        """Returns the second at which another person's speech begins, whose first complete window begins at `start`."""
        first, last = self._last_middle, start + _BESIDE * FRAME / RATE
        energies = np.array([energy for at, energy in self._energies if first <= at <= last])
        times = [at for at, _ in self._energies if first <= at <= last]
        if len(times) < 3:
            return start
        quietest = int(np.argmin(np.convolve(energies, np.ones(3), "valid"))) + 1
        return times[quietest] + FRAME / RATE / 2

    def _embedding(self) -> Samples | None:
        """Returns the embedding of the window; None if it is too short or silent."""
        if len(self._window) * FRAME < 2 * 400:
            return None
        samples = np.concatenate(self._window)
        if level(samples) < SILENCE:
            return None
        features = self._models.features(normalise(samples))
        return self._models.embedding(features, np.ones(FRAMES, np.bool_))

    def _ended(self) -> Iterator[Revised]:
        changed = self._speakers.end(self._turn)
        speaker, name = self._turn.speaker, self._people.name(self._speakers.voice(self._turn))
        if self._known.get(speaker, "") != name:
            self._known[speaker] = name
            changed += [turn for turn in self._speakers.turns if turn.speaker == speaker]
        yield from self._revised([*changed, self._turn])
        if len(self._named) > 2 * MAX_TURNS:
            turns = set(self._speakers.turns)
            self._named = {turn: names for turn, names in self._named.items() if turn in turns}

    def _revised(self, turns: Iterable[Turn]) -> Iterator[Revised]:
        """Yields the segments of `turns` whose speaker has changed."""
        numbers: dict[str, list[int]] = {}
        for turn in dict.fromkeys(turns):
            before, segments = self._named.get(turn, ("", []))
            if segments and before != (name := self._name(turn)):
                self._named[turn] = name, segments
                numbers.setdefault(name, []).extend(segments)
        for name, segments in numbers.items():
            yield Revised(tuple(sorted(segments)), name)

    def _name(self, turn: Turn) -> str:
        """Returns the name of a turn's speaker; none for a short turn, which may be another person's."""
        if turn.seconds < SURE_S:
            return f"SPEAKER_{turn.speaker:02d}"
        known = self._people.name_of_turn(Voice(turn.voice, turn.seconds), self._speakers.voice(turn))
        return known or f"SPEAKER_{turn.speaker:02d}"


def _energy(frame: Samples) -> float:
    return float(np.square(frame).sum())

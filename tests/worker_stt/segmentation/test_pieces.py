"""Cutting: all speech comes, no sample twice, cuts in the pauses, bounded lengths and memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hushd_worker_stt.engine import RATE, PieceLength
from hushd_worker_stt.segmentation.pieces import Cut, Cutter, pieces
from hushd_worker_stt.segmentation.vad import FRAME
from support.seeds import seeds

SECOND = RATE / FRAME  # frames
LENGTH = PieceLength(8.0, 15.0)


def speech(*parts: float) -> list[bool]:
    """Frames of speech and quiet in turn, so many seconds each, speech first."""
    return [number % 2 == 0 for number, seconds in enumerate(parts) for _ in range(round(seconds * SECOND))]


def cuts(cutter: Cutter, spoken: Iterable[bool], energy: Iterable[float] | None = None) -> list[Cut]:
    found = [cutter.feed(*frame) for frame in zip(spoken, energy or iter(lambda: 1.0, None), strict=False)]
    return [cut for cut in (*found, cutter.finish()) if cut]


def seconds(cut: Cut) -> tuple[float, float]:
    return cut.start / SECOND, cut.end / SECOND


def near(*times: float) -> object:
    return pytest.approx(times, abs=2.1 / SECOND)


@seeds(400)
def test_all_speech_comes_once(seed: int) -> None:
    """Whatever is said when: pieces are in order and apart, no longer than they may be, begin and end in bounds, and
    what is in none of them are clicks."""
    rng = random.Random(seed)
    spoken: list[bool] = []
    while len(spoken) < rng.randint(1, 3000):
        talk = rng.random() < 0.5
        spoken += [talk] * rng.choice([1, 2, 3, 4, 10, 16, 30, 62, 63, 64, 100, 600])
    length = PieceLength(rng.uniform(0.1, 8), rng.uniform(8, 15))
    min_silence, pad = rng.choice([0.1, 0.5, 1, 3]), rng.choice([0, 0.1, 0.2, 0.5, 1, 3, 30])
    cutter = Cutter(length, min_silence, pad, as_spoken=rng.random() < 0.5)
    covered = [False] * len(spoken)
    found: list[Cut] = []
    for now, talk in enumerate(spoken):
        if (cut := cutter.feed(talk, rng.random())) and cut.ends:
            found.append(cut)
            assert cut.end <= now + 1
        assert cutter.keep >= max((cut.end for cut in found), default=0)
        assert now + 1 - cutter.keep <= length.longest * SECOND
    if last := cutter.finish():
        found.append(last)
    place = 0
    for cut in found:
        assert place <= cut.start < cut.end <= len(spoken)
        assert cut.end - cut.start <= length.longest * SECOND
        place = cut.start
        assert cut.speech
        for begin, end in cut.speech:
            assert place <= begin < end <= cut.end
            place = end
        covered[cut.start : cut.end] = [True] * (cut.end - cut.start)
        place = cut.end
    gap, click, last_spoken = round(min_silence * SECOND), 0, -1000
    for index, talk in enumerate(spoken):
        if covered[index]:
            click = 0
        elif talk:
            click = click + 1 if index - last_spoken <= gap else 1
            last_spoken = index
            assert click < 4


@pytest.mark.parametrize("quiet", [2.1, 60])
def test_a_long_quiet_ends_a_piece_and_is_left_out(quiet: float) -> None:
    """Two words far apart are two pieces, each with its pad and no more."""
    first, second = cuts(Cutter(LENGTH, 0.5, 0.5), speech(0, 5, 1, quiet, 1, 5))
    assert seconds(first) == near(4.5, 6.5)
    assert seconds(second) == near(5.5 + quiet, 7.5 + quiet)
    assert [end - begin for begin, end in first.speech] == [round(SECOND)]


def test_what_was_said_before_a_pause_comes_during_it() -> None:
    """It comes as it is spoken: 10 s end at a pause of 0.3 s; less comes then, and again, the same if nothing has
    followed."""
    long, early, last = cuts(Cutter(LENGTH, 0.5, 0.5, as_spoken=True), speech(11, 0.4, 1, 4))
    assert (long.ends, early.ends, last.ends) == (True, False, True)
    assert seconds(long) == near(0, 11.3)
    assert seconds(early) == near(11.3, 12.7)
    assert early.speech == last.speech
    first, both, last = cuts(Cutter(LENGTH, 0.5, 0.5, as_spoken=True), speech(1, 0.4, 1, 4))
    assert (first.ends, both.ends, last.ends) == (False, False, True)
    assert first.speech != both.speech == last.speech


def test_pauses_within_a_piece_part_its_spans() -> None:
    """Speech that fits into a piece stays together; a pause of `min_silence_s` parts two spans, a breath does not."""
    (cut,) = cuts(Cutter(LENGTH, 0.5, 0.5), speech(0, 1, 2, 0.3, 2, 0.7, 3, 1))
    assert seconds(cut) == near(0.5, 9.5)
    assert [(begin / SECOND, end / SECOND) for begin, end in cut.speech] == [near(1, 5.3), near(6, 9)]


def test_the_last_pause_is_where_a_long_piece_is_cut() -> None:
    """The later of two pauses after `shortest` is taken, so that no short rest stays; both pieces share it."""
    first, second = cuts(Cutter(LENGTH, 0.5, 0.5), speech(9, 0.7, 3, 0.6, 10))
    assert seconds(first) == near(0, 13)
    assert seconds(second) == near(13, 23.3)


def test_speech_without_a_breath_is_cut_where_it_is_quietest() -> None:
    """Somebody who never pauses is cut at the closure of a consonant."""
    energy = [1.0] * round(20 * SECOND)
    quiet = round(11.5 * SECOND)
    energy[quiet - 4 : quiet + 4] = [0.1] * 8
    first, second = cuts(Cutter(LENGTH, 0.5, 0.5), speech(20), energy)
    assert abs(first.end - quiet) <= 2
    assert second.start == first.end


@pytest.mark.parametrize("frames_spoken", [1, 3])
def test_a_click_is_no_speech(frames_spoken: int) -> None:
    """Less than 0.13 s of voice between quiet makes no piece and no span, and delays none that follows."""
    click = [*[False] * 100, *[True] * frames_spoken, *[False] * 100]
    assert cuts(Cutter(LENGTH, 0.5, 0.5), click * 3) == []
    (cut,) = cuts(Cutter(LENGTH, 0.5, 0.5), [*[True] * frames_spoken, *[False] * 40, *speech(1, 5)])
    assert len(cut.speech) == 1
    assert cut.start / SECOND == pytest.approx((40 + frames_spoken) / SECOND - 0.5, abs=1.1 / SECOND)


@pytest.mark.parametrize(
    ("parts", "shortened"),
    [
        ((9.0,), False), ((9.0, 3.0, 9.0, 3.0), False), ((9.4, 5.0, 9.0), False), ((9.7, 0.2, 9.0), True),
        ((12.0,), True), ((4.0, 1.0, 20.0), True),
    ],
)  # fmt: skip
def test_shortened_only_if_speech_was_cut(parts: tuple[float, ...], shortened: bool) -> None:
    """A shorter length costs nothing where everything fits into it, and does where something had to be cut."""
    cutter = Cutter(PieceLength(5.0, 10.0), 0.5, 0.5, shorter=True)
    cuts(cutter, speech(*parts))
    assert cutter.shortened is shortened
    usual = Cutter(PieceLength(5.0, 10.0), 0.5, 0.5)
    cuts(usual, speech(*parts))
    assert not usual.shortened


def test_pieces_come_as_soon_as_they_are_full() -> None:
    """Endless speech yields pieces while it flows: no more than one piece and a block is held."""
    read = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal read
        while True:
            read += 1
            yield np.ones(RATE, np.float32)

    flow = pieces(endless(), lambda frame: True, Cutter(PieceLength(10, 20), 0.5, 0.5))
    for _ in range(10):
        piece = next(flow)
        assert read * RATE - (piece.start * RATE + len(piece.samples)) <= 21 * RATE

"""A long recording in stretches: the same segments and times as on one machine, but for a joint's own sentence."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hushd.transcripts.segment import Segment
from hushd_cluster.stretches import LONG, OVERLAP_S, Stretch, cut, join, joined_at

HOUR = 3600.0


def test_a_recording_is_cut_into_equal_stretches() -> None:
    """Of the length that was asked for, about; a shorter one is left whole."""
    assert cut(LONG * 1200.0 - 1, 1200.0) == ()
    assert cut(10 * HOUR, 0.0) == ()
    assert cut(float("nan"), 1200.0) == ()
    stretches = cut(10 * HOUR, 1200.0)
    assert len(stretches) == 30
    assert (stretches[0].start, stretches[-1].end) == (0.0, 10 * HOUR)
    frames = [each.start / 0.032 for each in cut(10_000.0, 777.0)]
    assert frames == pytest.approx([round(frame) for frame in frames], abs=1e-6)
    assert all(one.end == other.start for one, other in pairwise(stretches))
    assert stretches[0].clips == [0.0, 1200.0 + OVERLAP_S]
    assert stretches[-1].clips == [pytest.approx(34_800.0)]
    assert [each.mark for each in stretches[:2]] == [".0000-0030", ".0001-0030"]
    for seed in range(500):
        chance = random.Random(seed)
        total, length = chance.uniform(1, 40 * HOUR), chance.uniform(20, HOUR)
        stretches = cut(total, length)
        assert bool(stretches) == (total >= LONG * length)
        assert all(0.8 * length <= each.end - each.start <= 1.2 * length for each in stretches)


def said(*times: float, mark: str = "") -> list[Segment]:
    """Returns segments from pairs of times."""
    return [
        Segment(number, start, end, f"{mark}{start:g}")
        for number, (start, end) in enumerate(zip(times[::2], times[1::2], strict=True))
    ]


def texts(segments: list[Segment]) -> list[str]:
    return [segment.text for segment in segments]


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        # both begin a segment at 110: from there on the second one counts
        ((90, 95, 96, 104, 110, 115, 116, 119), (100, 104.2, 110.03, 115, 116, 119), ["90", "96", "b110.03", "b116"]),
        # no begin in common, but a pause from 115 to 116
        ((90, 104, 105, 115), (100, 111, 116, 119), ["90", "105", "b116"]),
        # no pause in common either: behind the last one of the first
        ((90, 104, 104, 116), (100, 110, 110, 120, 120, 130), ["90", "104", "b120"]),
        # silence at the joint
        ((10, 20), (130, 140), ["10", "b130"]),
        ((), (130, 140), ["b130"]),
        ((90, 99), (), ["90"]),
        ((), (), []),
    ],
)
def test_two_stretches_are_joined(before: tuple[float, ...], after: tuple[float, ...], joined: list[str]) -> None:
    """The second one begins at 100."""
    assert texts(joined_at(said(*before), said(*after, mark="b"), 100.0)) == joined


def whole(chance: random.Random, total: float) -> list[Segment]:
    """Returns the segments that one machine hears."""
    times, now = [], chance.uniform(0, 20)
    while now < total:
        end = min(total, now + chance.uniform(0.5, 12))
        times += [round(now, 3), round(end, 3)]
        now = end + chance.choice((0.0, 0.3, 2.5, 9.0))
    return said(*times)


def heard(segments: list[Segment], stretch: Stretch, sync_s: float, chance: random.Random) -> list[Segment]:
    """Returns the segments heard of a stretch: its own for a while, and then those of one machine."""
    start, stop = (*stretch.clips, 1e9)[:2]
    known = start + sync_s if stretch.number else 0.0
    own = [segment for segment in segments if segment.start >= known and segment.start < stop]
    own = [Segment(0, each.start, min(each.end, stop), each.text) for each in own]  # the last one may be torn
    until = own[0].start if own else min(stop, start + 5)
    odd, now = [], start
    while sync_s and now + 0.5 < until:
        end = min(until, now + chance.uniform(0.3, 7))
        odd += [Segment(0, now, end, "odd")]
        now = end + chance.choice((0.0, 0.1))
    return odd + own


def test_the_whole_is_the_same_but_for_the_joints() -> None:
    """Each segment that one machine hears comes once, unless it is in the first seconds of a stretch."""
    for seed in range(400):
        chance = random.Random(seed)
        total = chance.uniform(900, 3000)
        segments, stretches = whole(chance, total), cut(total, 300.0)
        sync_s = chance.choice((0.0, 0.0, 5.0, 20.0))
        joined = join(stretches, [heard(segments, each, sync_s, chance) for each in stretches])
        assert [each.id for each in joined] == list(range(len(joined)))
        assert all(one.end <= other.start + 1e-6 for one, other in pairwise(joined)), seed
        if sync_s == 0.0:
            assert [(each.start, each.end, each.text) for each in joined] == [
                (each.start, each.end, each.text) for each in segments
            ], seed
            continue
        near = [each.start for each in stretches[1:]]
        for each in segments:
            if not any(at - 15 <= each.end and each.start <= at + sync_s + 15 for at in near):
                assert sum(other.start == each.start and other.text == each.text for other in joined) == 1, (seed, each)

"""The plan of second passes: which seconds are read once more, when, and what their text replaces."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hushd.transcripts.second_pass_plan import MAX_BATCH_S, TAIL_S, Revision, SecondPassPlan, Stretch, revised
from hushd.transcripts.segment import Segment, Word


def draft(number: int, start: float, end: float) -> Segment:
    return Segment(number, start, end, f"draft {number}")


def say(plan: SecondPassPlan, number: int, start: float, end: float) -> None:
    """An utterance of one segment, whose end is noticed 0.8 s after it."""
    plan.segment(draft(number, start, end))
    plan.ended(end + 0.8)


def second_pass(start: float, end: float, text: str = "second_pass") -> Segment:
    return Segment(0, start, end, text, words=(Word(text, start, end),))


def test_an_utterance_is_read_with_the_quiet_around_it() -> None:
    """From a second before its first segment to half a second behind its last; its text has the session's times."""
    plan = SecondPassPlan()
    plan.segment(draft(0, 5.0, 7.0))
    plan.segment(draft(1, 7.0, 9.0))
    assert plan.next() is None  # in the middle of the utterance
    plan.ended(9.8)
    stretch = plan.next()
    assert stretch == Stretch(4.0, 9.5, (draft(0, 5.0, 7.0), draft(1, 7.0, 9.0)))
    revision = plan.read(stretch, (second_pass(1.0, 4.5),))
    assert (revision.replaces, revision.segments[0].start, revision.segments[0].end) == ((0, 1), 5.0, 8.5)
    assert revision.segments[0].words == (Word("second_pass", 5.0, 8.5),)
    assert plan.next() is None


def test_no_second_is_read_twice() -> None:
    """The second before an utterance ends where the last stretch did, read already or not."""
    for read_first in (True, False):
        plan = SecondPassPlan()
        say(plan, 0, 1.0, 3.0)
        first = plan.next()
        assert first
        if read_first:
            plan.read(first, ())
        say(plan, 1, 4.0, 6.0)
        ends = [first.end] if read_first else [0.0]
        stretch = plan.next()
        assert stretch
        assert stretch.start >= ends[0]
        assert plan._due[-1].start == first.end


def test_sound_that_comes_faster_than_it_is_heard_is_read_whole() -> None:
    """Ten minutes of sound may be here before the first utterance is: each is read by itself, and none is left out."""
    for seed in range(300):
        rng = random.Random(seed)
        plan, replaced, stretches, now = SecondPassPlan(), [], [], 0.0
        for number in range(20):
            start = now + rng.uniform(0.3, 3.0)
            now = start + rng.uniform(0.2, 20.0)
            plan.segment(draft(number, start, now))
            plan.ended(rng.choice((600.0, now + 0.8)))
            while rng.random() < 0.5 and (stretch := plan.next()):
                stretches.append(stretch)
                replaced += plan.read(stretch, ()).replaces
        plan.end(600.0)
        while stretch := plan.next():
            stretches.append(stretch)
            replaced += plan.read(stretch, ()).replaces
        assert replaced == list(range(20)), seed
        for stretch in stretches:
            (only,) = stretch.drafts
            assert stretch.start <= only.start, seed
            assert stretch.end >= only.end, seed
        for before, after in pairwise(stretches):
            assert before.end <= after.drafts[0].start + TAIL_S, seed


def test_utterances_that_wait_are_read_as_one() -> None:
    """A model that is behind gets a minute of them at once, and never breaks one."""
    plan = SecondPassPlan("minute")
    for number in range(12):
        say(plan, number, 10.0 * number, 10.0 * number + 8)
    stretches = []
    while stretch := plan.next():
        stretches.append(stretch)
        plan.read(stretch, ())
    assert [len(stretch.drafts) for stretch in stretches] == [6, 6]
    assert all(stretch.end - stretch.start <= MAX_BATCH_S for stretch in stretches)
    for before, after in pairwise(stretches):
        assert before.end <= after.start


def test_each_utterance_is_read_by_itself() -> None:
    """However many wait: each text replaces one utterance's, as a conversation of items needs it."""
    plan = SecondPassPlan()
    for number in range(3):
        say(plan, number, 10.0 * number, 10.0 * number + 8)
    replaced = []
    while stretch := plan.next():
        replaced.append(plan.read(stretch, ()).replaces)
    assert replaced == [(0,), (1,), (2,)]


def test_an_utterance_that_cannot_be_read_is_left_out() -> None:
    """The next one is read all the same, and its sound is needed no more."""
    plan = SecondPassPlan()
    say(plan, 0, 0.0, 3.0)
    say(plan, 1, 10.0, 13.0)
    first = plan.next()
    assert first
    plan.skip(first)
    second = plan.next()
    assert second
    assert [segment.id for segment in second.drafts] == [1]
    assert plan.needed_s(14.0) == second.start


def test_an_utterance_beyond_the_bound_is_read_by_itself() -> None:
    """A monologue of two minutes is one stretch all the same."""
    plan = SecondPassPlan("minute")
    say(plan, 0, 0.0, 120.0)
    stretch = plan.next()
    assert stretch
    assert stretch.end == pytest.approx(120.5)


def test_without_memory_for_both_copies_wait_for_the_end() -> None:
    """The small model cannot leave while somebody speaks; then all that waited is read, and what comes last too."""
    plan = SecondPassPlan("minute")
    say(plan, 0, 0.0, 3.0)
    assert plan.next()
    plan.busy()
    assert plan.next() is None
    say(plan, 1, 10.0, 13.0)
    plan.segment(draft(2, 20.0, 22.0))  # no end of its own: the session was closed in it
    assert plan.next() is None
    plan.end(22.5)
    stretch = plan.next()
    assert stretch
    assert [segment.id for segment in stretch.drafts] == [0, 1, 2]
    assert stretch.end == 22.5
    plan.busy()  # others have the memory: it is asked again, since nothing else is to come
    assert plan.next() == stretch


def test_a_session_is_read_as_a_whole() -> None:
    """All of it at its end, as a recording would be, however long."""
    plan = SecondPassPlan("session")
    for number in range(30):
        say(plan, number, 10.0 * number, 10.0 * number + 8)
    assert plan.next() is None
    plan.end(301.5)
    plan.end(999.0)
    stretch = plan.next()
    assert stretch
    assert (stretch.start, stretch.end, len(stretch.drafts)) == (0.0, 301.5, 30)
    plan.read(stretch, ())
    assert plan.next() is None


def test_a_silent_session_is_not_read() -> None:
    """Nothing was said, so the larger model is not even started."""
    for each in ("utterance", "session"):
        plan = SecondPassPlan(each)  # type: ignore[arg-type]
        plan.ended(3.0)
        plan.end(60.0)
        assert plan.next() is None


def test_sound_is_needed_no_longer_than_it_is() -> None:
    """Of hours of captions a minute is kept, and what waits to be read."""
    plan = SecondPassPlan()
    assert plan.needed_s(3600.0) == 3540.0
    say(plan, 0, 3550.0, 3560.0)
    assert plan.needed_s(3600.0) == 3549.0
    stretch = plan.next()
    assert stretch
    plan.read(stretch, ())
    assert plan.needed_s(3600.0) == stretch.end
    plan.segment(draft(1, 3700.0, 3701.0))
    assert plan.needed_s(3702.0) == 3699.0
    assert SecondPassPlan("session").needed_s(3600.0) == 0.0


def test_a_transcript_has_second_passes_in_their_places() -> None:
    """In order of time and numbered anew; drafts without one stay; a copy without text takes its drafts away."""
    drafts = tuple(draft(number, 10.0 * number, 10.0 * number + 8) for number in range(4))
    revisions = (
        Revision(10.0, 19.0, (1,), (second_pass(10.0, 14.0, "a"), second_pass(14.0, 18.0, "b"))),
        Revision(30.0, 39.0, (3,), ()),
    )
    segments = revised(drafts, revisions)
    assert [(segment.id, segment.text) for segment in segments] == [(0, "draft 0"), (1, "a"), (2, "b"), (3, "draft 2")]

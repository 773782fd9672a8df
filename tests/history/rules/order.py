"""The floor goes to the higher priority first, and within one priority to the one who asked first.

A claim was passed by another if it waited from before the other could be granted until after the other was. The other
was granted at the earliest after its party's own last act and after the last holder had given back, and at the latest
when its party saw it. Judged is only who would have been served with the same devices or fewer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from ..story import History, Story
from ..verdict import Verdict
from .floor import Hold, all_holds, devices

RULE = "order"
RANKS = {"important": 0, "message": 1, "text": 2, "notification": 3, "progress": 4}
ACTS = ("invoke", "again", "released")  # of the party itself: no grant is older than the last of them


class Wait(NamedTuple):
    """A stretch of time in which a claim certainly waited; at its end, and not before, it was granted."""

    start: float
    stop: float
    epoch: object
    story: Story


def check(history: History, verdict: Verdict, slack: float) -> None:
    """Judges each grant against those that waited then."""
    holds = sorted(all_holds(history, slack), key=lambda hold: hold.start)
    certain = {(hold.story.request, hold.start) for hold in holds}
    waits = [wait for story in history.by_op("claim") for wait in _waits(history, story, certain)]
    waits.sort(key=lambda wait: wait.start)
    free = _last_ends(holds)
    active: list[Wait] = []
    ahead = 0
    for hold in holds:
        while ahead < len(waits) and waits[ahead].start < hold.start:
            active.append(waits[ahead])
            ahead += 1
        active = [wait for wait in active if wait.stop > hold.start]
        earliest = max(free[hold], _last_act(hold))
        if active and not _may_be_paused(history, earliest, hold.start):
            for wait in active:
                _passed(hold, wait, earliest, verdict)


def _waits(history: History, story: Story, certain: set[tuple[str, float]]) -> list[Wait]:
    """The waits of a claim that a certain hold follows, and nothing comes between."""
    waits = []
    events = [event for event in story.events if event.kind != "sound"]
    for waiting, granted in pairwise(events):
        if waiting.kind != "waiting" or granted.kind != "granted" or (story.request, granted.at) not in certain:
            continue
        same = waiting.more["epoch"] == granted.more["epoch"]
        if same and history.first_fault(waiting.at, story.party, "supervisor") > granted.at:
            waits.append(Wait(waiting.at, granted.at, granted.more["epoch"], story))
    return waits


def _last_ends(holds: list[Hold]) -> dict[Hold, float]:
    """By hold, the end of the last one before it that its supervisor had granted of its devices."""
    free: dict[Hold, float] = {}
    ends: defaultdict[tuple[object, str], float] = defaultdict(lambda: -math.inf)
    for hold in holds:
        keys = [(hold.epoch, device) for device in hold.devices]
        free[hold] = max((ends[key] for key in keys), default=-math.inf)
        ends |= {key: max(ends[key], hold.stop) for key in keys}
    return free


def _last_act(hold: Hold) -> float:
    return max(event.at for event in hold.story.events if event.kind in ACTS and event.at <= hold.start)


def _may_be_paused(history: History, since: float, until: float) -> bool:
    """Returns whether somebody may have been paused in that time: those are passed."""
    pauses = [story for story in history.by_op("pause") if story.events[0].at <= until]
    if not pauses:
        return False
    last = max(pause.ended_at for pause in pauses)
    return not any(
        resume.events[0].at >= last and resume.ended_at <= since and not resume.events[0].more.get("names")
        for resume in history.by_op("resume")
    )


def _passed(hold: Hold, wait: Wait, earliest: float, verdict: Verdict) -> None:
    """Judges whether a claim was granted before another that had to come first."""
    if wait.start > earliest or wait.epoch != hold.epoch or not devices(wait.story) <= devices(hold.story):
        return
    assert hold.story.invoke is not None
    assert wait.story.invoke is not None
    rank, other = (RANKS[story.invoke.more["priority"]] for story in (hold.story, wait.story) if story.invoke)
    first = other < rank or (other == rank and wait.start <= hold.story.invoke.at)
    sentence = f"was granted at {hold.start:.3f}, before {wait.story}, which had waited since {wait.start:.3f}"
    verdict.judge(RULE, hold.story, not first, sentence)

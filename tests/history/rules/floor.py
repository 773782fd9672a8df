"""Loudspeaker and microphone have one holder at a time.

A claim holds its devices from when its party has seen `granted` until it gives them back by itself, or until it is
told otherwise, less the time for which that news may have been under way. In between it is certain, unless a fault
befell the party, which may not have noticed then that it had lost them, or the supervisor, whose grants end with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from ..events import ENDS, Event
from ..story import History, Story, Verdict

RULE = "one holder"
GRACE_S = 1.0  # to fall silent, once told
OWN = ("released", "cancelled")  # by which a claim gives its devices back itself


class Hold(NamedTuple):
    """A stretch of time in which a claim certainly held its devices."""

    start: float
    stop: float
    devices: frozenset[str]
    epoch: object
    story: Story


def check(history: History, verdict: Verdict, slack: float) -> None:
    """Judges every device of every machine.

    Args:
        slack: seconds for which a message may be under way, and a party busy with something else.
    """
    by_device: defaultdict[str, list[Hold]] = defaultdict(list)
    for hold in all_holds(history, slack):
        for device in hold.devices:
            by_device[device].append(hold)
    for device, holds in by_device.items():
        _one_at_a_time(device, sorted(holds, key=lambda hold: hold.start), verdict, slack)


def all_holds(history: History, slack: float) -> list[Hold]:
    """Returns the stretches in which devices were held for certain."""
    return [hold for story in history.by_op("claim") for hold in holds_of(history, story, slack)]


def holds_of(history: History, story: Story, slack: float) -> Iterator[Hold]:
    """Yields those of one claim."""
    events = story.events
    for number, granted in enumerate(events):
        if granted.kind != "granted" or not granted.more["epoch"]:
            continue  # without a supervisor nobody grants anything
        after = next((event for event in events[number + 1 :] if event.kind in (*OWN, *ENDS)), None)
        stop = history.first_fault(granted.at, story.party, "supervisor")
        if after is not None:
            stop = min(stop, after.at if after.kind in OWN else after.at - slack)
        elif story.party in history.closed:
            stop = min(stop, history.closed[story.party])
        else:
            stop = granted.at  # nothing is known of its end
        if stop > granted.at:
            yield Hold(granted.at, stop, devices(story, granted), granted.more["epoch"], story)


def devices(story: Story, granted: Event | None = None) -> frozenset[str]:
    """The devices of a claim, each with its machine, which the event that granted them may know better."""
    assert story.invoke is not None
    more = story.invoke.more | (granted.more if granted else {})
    machine = more.get("machine", "")
    return frozenset(f"{machine}:{device}".lstrip(":") for device in story.invoke.more["devices"])


def _one_at_a_time(device: str, holds: list[Hold], verdict: Verdict, slack: float) -> None:
    """Judges holds of one device in the order of their beginnings.

    What a supervisor has granted ends with it: its client learns that late, and has a moment to be silent.
    """
    last = None
    for hold in holds:
        if last is not None and last.story is not hold.story:
            theirs = f"{last.story} had from {last.start:.3f} to {last.stop:.3f}"
            sentence = f"had the {device} from {hold.start:.3f}, which {theirs}"
            excused = 0.0 if hold.epoch == last.epoch else GRACE_S + slack
            verdict.judge(RULE, hold.story, hold.start >= last.stop - excused, sentence)
        if last is None or hold.stop > last.stop:
            last = hold

"""A holder's lease on a worker lasts as long as that holder wants, whatever others ask for.

The lease begins with the end of the job that asked for it: after its `invoke`, and before its `ok`. Of several requests
of one holder, any that none of the others certainly follows may have been the last. So a status shows at least the
shortest rest that is left of any of them, and at most the longest. Nothing is said of a worker that somebody unloads,
or that a fault befell; nor of leases of a connection, which end with it.
"""

from __future__ import annotations

import math
from collections import defaultdict

from ..events import Event
from ..story import History, Story
from ..verdict import Verdict

RULE = "lease"
ROUNDED_S = 0.2  # of the seconds in a status
UNLOADING_S = 600.0  # for which a process that was unloaded at work may still go on


def check(history: History, verdict: Verdict) -> None:
    """Judges each status against the leases that had to be there."""
    by_lease: defaultdict[tuple[str, str], list[Story]] = defaultdict(list)
    for story in history.stories.values():
        more = story.events[0].more
        if more.get("keep_alive") is not None and more.get("holder") and more.get("worker", "").count("/") == 2:
            by_lease[more["worker"], more["holder"]].append(story)
    for status in history.by_op("status"):
        if status.end and status.end.kind == "ok":
            for (worker, holder), stories in by_lease.items():
                _check(history, status, worker, holder, stories, verdict)


def _check(history: History, status: Story, worker: str, holder: str, stories: list[Story], verdict: Verdict) -> None:
    """Judges one lease by one status."""
    asked, answered = status.events[0].at, status.ended_at
    last = [story for story in stories if story.events[0].at < answered]
    certain = [story for story in last if story.end and story.end.kind == "ok" and story.end.at <= asked]
    if not certain:
        return
    latest = max(story.events[0].at for story in certain)
    last = [story for story in last if story.ended_at >= latest]
    shortest = min(_until(story, story.events[0].at) for story in last)
    longest = max(_until(story, story.ended_at) for story in last)
    since = min(story.events[0].at for story in last)
    rows = [row for row in status.of("worker") if row.more["worker"].partition("#")[0] == worker]
    if _excused(history, worker, since, answered) or not (rows or "workers" in (status.end or status.events[0]).more):
        return
    left = _left(rows, holder)
    story = max(certain, key=lambda story: story.events[0].at)
    shown = "was not there" if left is None else f"had {left:.1f} s left"
    if shortest > answered + ROUNDED_S:
        right = left is not None and left >= shortest - answered - ROUNDED_S
        sentence = f"gave {holder} a lease on {worker} until {shortest:.1f} at least, which {shown} at {answered:.1f}"
        verdict.judge(RULE, story, right, sentence)
    if left is not None:
        sentence = f"gave {holder} a lease on {worker} until {longest:.1f} at most, which {shown} at {asked:.1f}"
        verdict.judge(RULE, story, left <= longest - asked + ROUNDED_S, sentence)


def _until(story: Story, ended: float) -> float:
    """The end of the lease that a request asked for, if its job had ended then."""
    seconds = story.events[0].more["keep_alive"]
    if seconds == 0:
        return -math.inf
    return math.inf if seconds < 0 else ended + float(seconds)


def _left(rows: list[Event], holder: str) -> float | None:
    """The seconds left of a lease by a worker's rows, of which it may have one a process; None where there is none."""
    shown = [row.more["leases"][holder] for row in rows if holder in row.more["leases"]]
    return max((math.inf if seconds is None else float(seconds) for seconds in shown), default=None)


def _excused(history: History, worker: str, since: float, until: float) -> bool:
    """Returns whether something befell the worker that ends leases."""
    if history.first_fault(since, worker, "supervisor", "machine") <= until:
        return True
    for unload in history.by_op("unload"):
        names = unload.events[0].more["workers"]
        concerned = not names or any(worker == name or worker.startswith(f"{name}/") for name in names)
        if concerned and unload.events[0].at <= until and unload.ended_at + UNLOADING_S >= since:
            return True
    return False

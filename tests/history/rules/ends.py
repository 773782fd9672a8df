"""Each request begins once and ends exactly once, and nothing comes of it after its end."""

from __future__ import annotations

from ..events import ENDS
from ..story import History, Story, Verdict

RULE = "ended once"
# Told to the party by those who serve it: none of them comes after the end.
TOLD = ("granted", "audio", "segment")


def check(history: History, verdict: Verdict) -> None:
    """Judges every request."""
    for story in history.stories.values():
        _beginning(story, verdict)
        _end(history, story, verdict)
        _after(story, verdict)


def _beginning(story: Story, verdict: Verdict) -> None:
    invoked = story.of("invoke")
    verdict.judge(RULE, story, len(invoked) == 1, f"was invoked {len(invoked)} times")
    if invoked:
        early = story.events[0]
        verdict.judge(RULE, story, early is invoked[0], f"had {early.kind!r} at {early.at:.3f} before it was invoked")


def _end(history: History, story: Story, verdict: Verdict) -> None:
    ends = story.of(*ENDS)
    many = " and ".join(f"{end.kind} at {end.at:.3f}" for end in ends)
    verdict.judge(RULE, story, len(ends) <= 1, f"ended {len(ends)} times: {many}")
    if ends:
        return
    left = history.closed.get(story.party)
    verdict.judge(RULE, story, left is None, f"had no end when its party left at {left or 0:.3f}")
    if left is None and history.calm and not history.faults(story.party):
        verdict.judge(RULE, story, False, "never ended, though nobody killed its party")


def _after(story: Story, verdict: Verdict) -> None:
    if story.end is None:
        return
    late = [event for event in story.events[story.events.index(story.end) + 1 :] if event.kind in TOLD]
    what = f"{late[0].kind!r} at {late[0].at:.3f}" if late else ""
    verdict.judge(RULE, story, not late, f"had {what} after its end at {story.end.at:.3f}")

"""Once the faults have stopped, everything comes to an end within the documented time, and nothing is left over."""

from __future__ import annotations

from ..events import Event
from ..story import History, Story
from ..verdict import Verdict

RULE = "rest"
SETTLED = ("stopped", "ready", "backoff", "failed")  # states of workers that are between no two


def check(history: History, verdict: Verdict) -> None:
    """Judges the time after `calm`, where the history has one."""
    calm = history.calm
    if calm is None:
        return
    for story in history.stories.values():
        _in_time(story, calm, verdict)
    reports = [event for event in history.events if event.kind == "rest" and event.at >= calm.at]
    if not reports:
        verdict.blame(RULE, f"nobody has looked after the faults stopped at {calm.at:.3f}")
        return
    _left(history, reports[-1], verdict)


def _in_time(story: Story, calm: Event, verdict: Verdict) -> None:
    """Judges that a request ended within so long after the last fault, or after its own beginning."""
    due = max(story.events[0].at, calm.at) + calm.more["bound"]
    if story.end is not None and story.end.at >= calm.at:
        late = story.end.at - due
        verdict.judge(RULE, story, late <= 0, f"ended at {story.end.at:.3f}, {late:.3f} s later than it had to")


def _left(history: History, rest: Event, verdict: Verdict) -> None:
    """Judges the last look at the house."""
    more = rest.more
    between = [f"{name} is {state}" for name, state in more["workers"].items() if state not in SETTLED]
    taken = [f"{more[device]} still has the {device}" for device in ("speaker", "microphone") if more[device]]
    waiting = [f"{more['waiting']} claims still wait"] if more["waiting"] else []
    apart = more["account"] - more["processes"]
    sizes = f"the account has {more['account']} bytes, and the processes {more['processes']}"
    memory = [sizes] if abs(apart) > more["within"] else []
    verdict.judged[RULE] += 5
    for sentence in (*between, *taken, *waiting, *memory, *_leases(history, rest)):
        verdict.blame(RULE, f"at {rest.at:.3f} {sentence}")


def _leases(history: History, rest: Event) -> list[str]:
    """Sentences about leases that nobody has asked for."""
    wishes = {
        (more.get("worker", "").partition("#")[0], more.get("holder"))
        for more in (story.events[0].more for story in history.stories.values())
        if more.get("keep_alive")
    }
    return [
        f"{holder} has a lease on {worker} that nobody asked for"
        for worker, holder, _ in rest.more["leases"]
        if (worker.partition("#")[0], holder) not in wishes
    ]

"""A history by its requests: the story of each, the ends of parties, and the faults; and the verdict on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from .events import ENDS, Event


class Story:
    """One request: its events in the order of their times.

    Attributes:
        party: the one that made it, or that saw anything of it, if nobody did.
    """

    def __init__(self, request: str) -> None:
        self.request = request
        self.events: list[Event] = []

    @cached_property
    def invoke(self) -> Event | None:
        """The event by which it began."""
        return next((event for event in self.events if event.kind == "invoke"), None)

    @cached_property
    def end(self) -> Event | None:
        """The first event by which it ended."""
        return next((event for event in self.events if event.kind in ENDS), None)

    @property
    def party(self) -> str:
        return (self.invoke or self.events[0]).party

    @property
    def op(self) -> str:
        return self.invoke.more["op"] if self.invoke else ""

    def of(self, *kinds: str) -> list[Event]:
        """The events of some kinds."""
        return [event for event in self.events if event.kind in kinds]

    def __str__(self) -> str:
        return f"request {self.request} ({self.op or 'never invoked'}) of {self.party}"


class History:
    """All events of a history, sorted out.

    Args:
        events: in the order of their times.

    Attributes:
        stories: by request.
        closed: by party, when it left in good order.
        calm: from when on there were no faults, if the history says so.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = list(events)
        self.stories: dict[str, Story] = {}
        self.closed: dict[str, float] = {}
        self.calm: Event | None = None
        self._faults: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.request:
                self.stories.setdefault(event.request, Story(event.request)).events.append(event)
            elif event.kind == "closed":
                self.closed[event.party] = event.at
            elif event.kind == "fault":
                self._faults[event.more["target"]].append(event)
            elif event.kind == "calm":
                self.calm = event

    @cached_property
    def _by_op(self) -> defaultdict[str, list[Story]]:
        """All requests by operation, sorted once: rules ask anew for each status that they judge."""
        stories: defaultdict[str, list[Story]] = defaultdict(list)
        for story in self.stories.values():
            stories[story.op].append(story)
        return stories

    def by_op(self, op: str) -> list[Story]:
        """The requests of an operation, in the order in which they were made."""
        return self._by_op[op]

    def faults(self, *targets: str) -> list[Event]:
        """The faults that befell any of the targets, in no order."""
        return [fault for target in targets for fault in self._faults.get(target, ())]

    def first_fault(self, since: float, *targets: str) -> float:
        """The time of the first fault that befell one of the targets after `since`, or that lasted then."""
        times = (
            max(fault.at, since)
            for fault in self.faults(*targets)
            if fault.at >= since or fault.more.get("until", fault.at) >= since
        )
        return min(times, default=float("inf"))


class Violation(NamedTuple):
    """A promise that was broken.

    Attributes:
        sentence: names the rule and the request, and says what happened and when.
    """

    rule: str
    request: str
    sentence: str


class Verdict:
    """Collects what the rules say.

    Attributes:
        judged: by rule, how many things were certain enough to be judged. A rule that judged nothing proves nothing.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.judged: Counter[str] = Counter()

    def judge(self, rule: str, story: Story, right: bool, sentence: str) -> None:
        """Counts a judgment; unless it is `right`, `sentence` says what happened to the request."""
        self.judged[rule] += 1
        if not right:
            self.violations.append(Violation(rule, story.request, f"{rule}: {story} {sentence}."))

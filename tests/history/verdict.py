"""The outcome of a check: the violations, and how much of the history each rule could judge."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from .story import Story


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

"""No true history is called false, and enough of each is judged that a false one would show."""

from __future__ import annotations

from collections import Counter

from history.checker import check
from history.truth.generate import true_history
from history.truth.house import SLACK_S

RULES = ("ended once", "speech", "transcript", "one holder", "silence", "order", "lease", "rest")


def test_no_true_history_is_called_false() -> None:
    """Clients come and go, stop and are killed, supervisors too; every rule judges much, and finds nothing."""
    judged: Counter[str] = Counter()
    for seed in range(60):
        verdict = check(true_history(seed), SLACK_S)
        assert [violation.sentence for violation in verdict.violations] == [], seed
        judged += verdict.judged
    assert min(judged[rule] for rule in RULES) > 100, judged


def test_a_history_is_the_same_for_the_same_seed() -> None:
    """A failing seed can be looked at."""
    assert true_history(5) == true_history(5) != true_history(6)

"""No true history is called false, and enough of each is judged that a false one would show."""

from __future__ import annotations

from collections import Counter

import pytest
from history.checker import check
from history.events import Event
from history.story import Story
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


def test_a_request_more_costs_the_same_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a history with many statuses, leases and unloads, each request's operation is looked at a few times."""
    reads: list[str] = []
    op = Story.__dict__["op"].fget
    monkeypatch.setattr(Story, "op", property(lambda story: reads.append(story.request) or op(story)))
    assert check(_leases(500)).judged["lease"] == 1000  # each status says at least, and at most
    assert len(reads) <= 5 * 1000, "of 1,001 requests"


def _leases(count: int) -> list[Event]:
    """A history of one lease and so many pairs of an unload of something else and a status that shows the lease."""
    worker, holder = "stt/echo/a", "keeper 1"
    lease = {"op": "transcribe", "worker": worker, "holder": holder, "keep_alive": -1}
    events = [Event(0.0, "client", "lease", "invoke", lease), Event(0.5, "client", "lease", "ok")]
    for number in range(count):
        unload, status = f"unload {number}", f"status {number}"
        row = {"worker": worker, "pid": 7, "leases": {holder: None}}
        events += [
            Event(number + 1.0, "client", unload, "invoke", {"op": "unload", "workers": ["tts/echo/b"]}),
            Event(number + 1.1, "client", unload, "ok"),
            Event(number + 1.2, "client", status, "invoke", {"op": "status"}),
            Event(number + 1.3, "client", status, "worker", row),
            Event(number + 1.4, "client", status, "ok", {"workers": [worker]}),
        ]
    return events

"""Each rule calls a history false that breaks its promise, names the request, and finds nothing in a true one."""

from __future__ import annotations

import pytest
from history.events import Event
from history.rules import check


def claim(at: float, request: str, kind: str, **more: object) -> Event:
    return Event(at, request, request, kind, dict(more))


def speaker(at: float, request: str) -> Event:
    return claim(at, request, "invoke", op="claim", devices=["speaker"], priority="text")


# Two claims to the speaker, one after the other; a speech and a transcript that come whole.
TRUE = [
    speaker(0.0, "a"),
    claim(1.0, "a", "granted", epoch=1),
    speaker(2.0, "b"),
    claim(4.0, "a", "released", keep=False),
    claim(9.0, "a", "ok"),
    claim(20.0, "b", "granted", epoch=1),
    claim(21.0, "b", "released", keep=False),
    claim(22.0, "b", "ok"),
    claim(30.0, "s", "invoke", op="speak", length=10),
    claim(31.0, "s", "audio", start=0, stop=6),
    claim(32.0, "s", "audio", start=6, stop=10),
    claim(33.0, "s", "ok", length=10),
    claim(40.0, "t", "invoke", op="transcribe", gapless=True, length=2),
    claim(41.0, "t", "segment", index=0, start=0, stop=1),
    claim(42.0, "t", "segment", index=1, start=1, stop=2),
    claim(43.0, "t", "ok"),
    *(Event(60.0, party, "", "closed", {}) for party in ("a", "b", "s", "t")),
]  # fmt: skip

# What is put in the place of an event of TRUE, the rule that this breaks, and the request.
FALSE = {
    "a request ends twice": (7, [claim(22.0, "b", "ok"), claim(23.0, "b", "ok")], "ended once", "b"),
    "a request has no end": (7, [], "ended once", "b"),
    "something comes after the end": (11, [claim(31.5, "s", "ok", length=10)], "ended once", "s"),
    "two have the floor": (5, [claim(3.0, "b", "granted", epoch=1)], "one holder", "b"),
    "audio is missing": (10, [claim(32.0, "s", "audio", start=7, stop=10)], "speech", "s"),
    "audio comes twice": (10, [claim(32.0, "s", "audio", start=0, stop=6)], "speech", "s"),
    "audio ends too soon": (10, [], "speech", "s"),
    "a segment is missing": (13, [], "transcript", "t"),
}  # fmt: skip


def test_a_true_history_breaks_nothing() -> None:
    """Every rule has judged something of it."""
    verdict = check(TRUE)
    assert [violation.sentence for violation in verdict.violations] == []
    assert set(verdict.judged) >= {"ended once", "one holder", "speech", "transcript"}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_history_is_called_false(name: str) -> None:
    """The sentence names the rule and the request."""
    place, events, rule, request = FALSE[name]
    false = sorted([*TRUE[:place], *events, *TRUE[place + 1 :]], key=lambda event: event.at)
    violations = check(false).violations
    assert (rule, request) in {(violation.rule, violation.request) for violation in violations}, violations


def test_each_event_is_a_line() -> None:
    """It is read as it was written."""
    assert [Event.of(event.line()) for event in TRUE] == TRUE

"""Each rule calls a history false that breaks its promise, names the request, and finds nothing in a true one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from history.checker import check
from history.events import Event

ROOT = Path(__file__).parents[2]


def claim(at: float, request: str, kind: str, **more: object) -> Event:
    return Event(at, request, request, kind, dict(more))


def speaker(at: float, request: str) -> Event:
    return claim(at, request, "invoke", op="claim", devices=["speaker"], priority="text")


# Two claims to the speaker, one after the other; a speech that comes whole; and a lease that a status shows.
TRUE = [
    speaker(0.0, "a"),
    claim(1.0, "a", "granted", epoch=1),
    speaker(2.0, "b"),
    claim(3.0, "a", "sound", start=0, stop=5, claim="a"),
    claim(4.0, "a", "released", keep=False),
    claim(9.0, "a", "ok"),
    claim(20.0, "b", "granted", epoch=1),
    claim(21.0, "b", "released", keep=False),
    claim(22.0, "b", "ok"),
    claim(30.0, "s", "invoke", op="speak", length=10),
    claim(31.0, "s", "audio", start=0, stop=6),
    claim(32.0, "s", "audio", start=6, stop=10),
    claim(33.0, "s", "ok", length=10),
    claim(40.0, "t", "invoke", op="transcribe", worker="stt/a/b", holder="h", keep_alive=600, gapless=True, length=2),
    claim(41.0, "t", "segment", index=0, start=0, stop=1),
    claim(42.0, "t", "segment", index=1, start=1, stop=2),
    claim(43.0, "t", "ok"),
    claim(50.0, "look", "invoke", op="status"),
    claim(51.0, "look", "worker", worker="stt/a/b", pid=7, leases={"h": 590.0}),
    claim(52.0, "look", "ok", workers=["stt/a/b"]),
    *(Event(60.0, party, "", "closed", {}) for party in ("a", "b", "s", "t", "look")),
]  # fmt: skip

# What is put in the place of an event of TRUE, the rule that this breaks, and the request.
FALSE = {
    "a request ends twice": (8, [claim(22.0, "b", "ok"), claim(23.0, "b", "ok")], "ended once", "b"),
    "a request has no end": (8, [], "ended once", "b"),
    "something comes after the end": (12, [claim(31.5, "s", "ok", length=10)], "ended once", "s"),
    "two have the floor": (6, [claim(3.0, "b", "granted", epoch=1)], "one holder", "b"),
    "a claim sounds without the floor": (3, [claim(18.0, "a", "sound", start=0, stop=5, claim="a")], "silence", "a"),
    "audio is missing": (11, [claim(32.0, "s", "audio", start=7, stop=10)], "speech", "s"),
    "audio comes twice": (11, [claim(32.0, "s", "audio", start=0, stop=6)], "speech", "s"),
    "audio ends too soon": (11, [], "speech", "s"),
    "a segment is missing": (14, [], "transcript", "t"),
    "a lease is short": (18, [claim(51.0, "look", "worker", worker="stt/a/b", pid=7, leases={"h": 5.0})], "lease", "t"),
    "a lease is lost": (18, [claim(51.0, "look", "worker", worker="stt/a/b", pid=7, leases={})], "lease", "t"),
}  # fmt: skip


def test_a_true_history_breaks_nothing() -> None:
    """Every rule has judged something of it, but for order and rest, which it has no case of."""
    verdict = check(TRUE)
    assert [violation.sentence for violation in verdict.violations] == []
    assert set(verdict.judged) >= {"ended once", "one holder", "silence", "speech", "transcript", "lease"}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_history_is_called_false(name: str) -> None:
    """The sentence names the rule and the request."""
    place, events, rule, request = FALSE[name]
    false = sorted([*TRUE[:place], *events, *TRUE[place + 1 :]], key=lambda event: event.at)
    violations = check(false).violations
    assert (rule, request) in {(violation.rule, violation.request) for violation in violations}, violations


def test_who_waited_longer_goes_first() -> None:
    """Of two claims of one priority the later one is not granted first."""
    events = [
        speaker(0.0, "a"),
        claim(0.0, "a", "granted", epoch=1),
        speaker(1.0, "b"),
        claim(2.0, "b", "waiting", epoch=1),
        speaker(10.0, "c"),
        claim(20.0, "a", "released", keep=False),
        claim(20.1, "a", "ok"),
        claim(21.0, "c", "granted", epoch=1),
        claim(30.0, "c", "ok"),
        claim(40.0, "b", "granted", epoch=1),
        claim(50.0, "b", "released", keep=False),
    ]
    assert ("order", "c") in {(violation.rule, violation.request) for violation in check(events).violations}


def test_whoever_waits_for_ever_after_the_faults_is_named() -> None:
    """A request that ends later than the history allows after the last fault breaks the rule of rest."""
    events = [
        Event(0.0, "harness", "", "calm", {"bound": 5.0}),
        claim(1.0, "a", "invoke", op="other"),
        claim(50.0, "a", "ok"),
    ]
    assert "rest" in {violation.rule for violation in check(events).violations}


@pytest.mark.parametrize(("events", "status"), [(TRUE, 0), ([*TRUE[:8], *TRUE[9:]], 1), (None, 2)])
def test_the_command_says_by_its_exit_status_what_it_found(
    tmp_path: Path, events: list[Event] | None, status: int
) -> None:
    """It is 0 for a true history, 1 for a false one, and 2 where none can be read."""
    file = tmp_path / "history"
    file.write_bytes(b"nonsense\n" if events is None else b"".join(event.line() for event in events))
    done = subprocess.run([sys.executable, "-m", "tests.history", file], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_each_event_is_a_line() -> None:
    """It is read as it was written."""
    assert [Event.of(event.line()) for event in TRUE] == TRUE
    assert all(json.loads(event.line())["event"] == event.kind for event in TRUE)

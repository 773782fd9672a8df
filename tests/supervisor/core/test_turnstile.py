"""Requests that wait for a place: whose turn it is, and what ends the waiting."""

from __future__ import annotations

import itertools
import math

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.connections import MAX_WOKEN
from hushd_supervisor.core.turnstile import MAX_WAITING, SEND_S, Ticket, Turnstile
from hushd_supervisor.core.worker.jobs import TELL_S

TEXT, PROGRESS = 2, 4
numbers = itertools.count(1)


def ticket(program: int, rank: int = TEXT, arrived: float = 0.0, deadline: float = math.inf) -> Ticket:
    number = next(numbers)
    name = number.to_bytes(16, "big")
    return Ticket(b"r%d" % number, name, program, rank, "stt/a/x", number, arrived, deadline)


def line(*tickets: Ticket) -> Turnstile:
    turnstile = Turnstile()
    for each in tickets:
        turnstile.add(each, 0.0)
    return turnstile


def called(turnstile: Turnstile, places: int, now: float = 1.0) -> list[bytes]:
    """Those that are told to send, with so many places free; each then takes its place."""
    actions = turnstile.call(lambda _: len(turnstile.promised) < places, now)
    names = [action.message.id for action in actions if isinstance(action, ToClient)]
    for each in list(turnstile.promised):
        turnstile.take(each.key)
    return names


def codes(actions: list[Action]) -> list[str]:
    said = [action.message for action in actions if isinstance(action, ToClient)]
    return [message.code for message in said if isinstance(message, m.Error)]


def test_programs_take_turns() -> None:
    """Of a program with a hundred threads and another with one request, the second is served after one of the first."""
    crowd, other = [ticket(1) for _ in range(100)], ticket(2)
    turnstile = line(*crowd, other)
    assert [called(turnstile, 1)[0] for _ in range(3)] == [crowd[0].id, other.id, crowd[1].id]


def test_priority_goes_first_and_rises_with_time() -> None:
    """Text goes before progress, but not before progress that has waited for minutes."""
    progress, text = ticket(1, PROGRESS), ticket(1)
    assert called(line(progress, text), 1) == [text.id]
    old, text = ticket(1, PROGRESS, arrived=-300.0), ticket(1)
    assert called(line(text, old), 1) == [old.id]


def test_a_place_that_is_not_used_goes_to_another() -> None:
    """A client that is told to send, and does not, waits behind the others."""
    first, second = ticket(1), ticket(1)
    turnstile = line(first, second)
    turnstile.call(lambda _: not turnstile.promised, 0.0)
    assert list(turnstile.promised) == [first]
    turnstile.on_time(SEND_S)
    assert called(turnstile, 2, SEND_S) == [second.id, first.id]


def test_a_deadline_ends_the_waiting() -> None:
    """A request waits no longer than its deadline, and ends once."""
    turnstile = line(ticket(1, deadline=3.0), ticket(1))
    assert turnstile.deadline() == 3.0
    assert codes(turnstile.on_time(3.0)) == ["deadline_exceeded"]
    assert len(turnstile) == 1
    assert codes(turnstile.end_all("shutting_down")) == ["shutting_down"]


@pytest.mark.parametrize("rounds", [1, 3])
def test_their_number_is_bounded(rounds: int) -> None:
    """One program's requests leave room for another's, however often they come and go; nothing is kept of the gone."""
    turnstile = Turnstile()
    for _ in range(rounds):
        while turnstile.has_room(1):
            turnstile.add(ticket(1, deadline=1e9), 0.0)
        assert 0.7 * MAX_WAITING < len(turnstile) < MAX_WAITING
        assert turnstile.has_room(2)
        turnstile.end_all("cancelled")
    assert not turnstile._deadlines
    assert not turnstile._groups
    assert not turnstile._counts


def test_a_crowd_is_told_a_few_at_a_time() -> None:
    """Each of a thousand hears every `TELL_S`, never all at once: a thousand threads that wake take all cores."""
    turnstile = line(*[ticket(1) for _ in range(1000)])
    heard: dict[bytes, float] = {}
    now = 0.0
    for latecomer in range(200):
        due = turnstile.deadline()
        assert due > now
        now = due
        told = turnstile.on_time(now)
        assert 0 < len(told) <= MAX_WOKEN
        for action in told:
            assert isinstance(action, ToClient)
            assert now - heard.get(action.route, 0.0) <= TELL_S + 0.2
            heard[action.route] = now
        if latecomer % 10 == 0:
            turnstile.add(each := ticket(2), now)
            heard[each.route] = now
    assert len(heard) == 1020
    assert now - min(heard.values()) <= TELL_S + 0.2
    turnstile.end_all("cancelled")
    assert turnstile.deadline() == math.inf
    assert not turnstile._to_tell

"""Clients' turns at an engine."""

from __future__ import annotations

from hushd_worker.client_turns import ClientTurns


def order(turns: ClientTurns, waiting: list[str]) -> str:
    """The clients in their order, whose names are letters; each job waits until its turn has come."""
    served = ""
    left = list(waiting)
    while left:
        job = turns.next(left, ord)
        left.remove(job)
        turns.serve(ord(job))
        served += job
    return served


def test_whoever_was_served_longest_ago_is_next() -> None:
    """A new client is before one that has had a turn, and nobody has two while another waits."""
    turns = ClientTurns()
    assert order(turns, [*"aaabbc"]) == "abcaba"
    assert order(turns, [*"abcd"]) == "dcba"


def test_of_one_client_the_first_job_goes_first() -> None:
    """Its jobs keep their order."""
    turns = ClientTurns()
    assert turns.next([(7, "first"), (7, "second")], lambda job: job[0]) == (7, "first")


def test_the_256_clients_that_were_served_last_are_remembered() -> None:
    """A forgotten one counts as new; who comes again is not forgotten for the time of the first turn."""
    turns = ClientTurns()
    for client in (*range(256), 0, 256):
        turns.serve(client)
    assert turns.next([2, 0, 1], lambda client: client) == 1
    assert turns.next([256, 0, 2], lambda client: client) == 2
    assert turns.next([256, 0], lambda client: client) == 0

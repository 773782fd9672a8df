"""Tests of a whole supervisor with a real worker."""

from __future__ import annotations

from peer import Supervisor


def test_an_echo_starts_a_worker_and_comes_back(supervisor: Supervisor) -> None:
    """A request to a cold worker starts it, and is answered by it."""
    with supervisor.connect() as peer:
        answer = peer.ask("echo", params={"a": [1, None, "ä"]}, payload=b"hello")
        assert answer["params"] == {"a": [1, None, "ä"]}
        assert (answer["size"], answer["text"]) == (5, "hello")
        row = peer.status()
        assert (row["pid"], row["state"], row["starts"], row["crashes"]) == (answer["pid"], "ready", 1, 0)

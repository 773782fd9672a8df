"""A client that answers no pings is given up, unless its process works, or waits for its turn beside other programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, repeat

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.connections import MAX_TURNS, PING_S
from support.house import A, House

MUTE = b"mute"
Looks = Iterator[tuple[bool, bytes]]

RESTS = (False, b"1 0 1")
WAITS = (True, b"1 0 1")
ENDED = (False, b"")


class Street(House):
    """A second client, of process `pid`, has a request that runs and answers nothing; `looks` are its process's."""

    def __init__(self, pid: int, looks: Looks) -> None:
        super().__init__()
        self.tell(ev.FromClient(MUTE, m.Hello(protocol=1, version="1", holder="mute", pid=pid)))
        self.request_id = b"m" * 16
        self.tell(ev.FromClient(MUTE, m.Request(id=self.request_id, worker=A, op="echo", credit=8)))
        self.ready(A)
        self.looks = looks

    def _take(self, actions: list[do.Action]) -> list[do.Action]:
        super()._take(actions)
        for action in actions:
            if isinstance(action, do.Watch):
                assert (action.route, action.pid) == (MUTE, 7)
                self.tell(ev.Watched(MUTE, *next(self.looks)))
        return actions

    def given_up_after(self, limit: int = 4 * MAX_TURNS) -> int:
        """The turns after which the client is given up; 0 if it is not."""
        for turns in range(1, limit + 1):
            self.now += PING_S
            self.says(A, m.Beat(cpu_s=self.now))
            self.tick()
            if [action for action in self.of(do.Log) if "stopped answering" in action.text]:
                return turns
        return 0


def working() -> Looks:
    return ((False, str(number).encode()) for number in count())


@pytest.mark.parametrize(
    ("pid", "looks", "turns"),
    [
        (0, iter(()), 4),  # of an unknown process nothing can be seen
        (7, repeat(RESTS), 4), (7, repeat(ENDED), 4),
        (7, working(), MAX_TURNS + 1), (7, repeat(WAITS), MAX_TURNS + 1),
        (7, chain(repeat(WAITS, 10), repeat(RESTS)), 3 + 10), (7, chain([RESTS], repeat(WAITS, 5), repeat(ENDED)), 9),
    ],
)  # fmt: skip
def test_a_silent_client_is_waited_for_while_its_process_works(pid: int, looks: Looks, turns: int) -> None:
    """By turns of 2 s: three pings missed, then as long as each look differs from the last one, 60 s at most; once."""
    street = Street(pid, looks)
    assert street.given_up_after() == turns
    assert [a.message for a in street.of(do.ToWorker) if isinstance(a.message, m.Cancel)] == [
        m.Cancel(id=street.request_id)
    ]
    street.given_up_after(10)
    assert len([action for action in street.of(do.Log) if "stopped answering" in action.text]) == 1


def test_whoever_answers_in_between_has_missed_nothing() -> None:
    """Three pings and a look later it answers, again and again; a look that is told late gives nobody up."""
    street = Street(7, repeat(RESTS))
    for _ in range(10):
        assert not street.given_up_after(3)
        street.tell(ev.FromClient(MUTE, m.Pong()))
        street.tell(ev.Watched(MUTE, *RESTS))
    street.tell(ev.ClientGone(MUTE))
    street.tell(ev.Watched(MUTE, *RESTS))
    assert not [action for action in street.of(do.Log) if "stopped answering" in action.text]

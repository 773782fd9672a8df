"""A client that answers no pings is given up."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.connections import MAX_WOKEN, MISSED_PONGS, PING_S, QUIET_PONGS, Connections
from support.house import A, House

MUTE = b"mute"


class Street(House):
    """A second client has a request that runs and answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.tell(ev.FromClient(MUTE, m.Hello(protocol=1, version="1", holder="mute", pid=7)))
        self.request_id = b"m" * 16
        self.tell(ev.FromClient(MUTE, m.Request(id=self.request_id, worker=A, op="echo", credit=8)))
        self.ready(A)

    def given_up_after(self, limit: int = 4 * MISSED_PONGS) -> int:
        """The turns after which the client is given up; 0 if it is not."""
        for turns in range(1, limit + 1):
            self.now += PING_S
            self.says(A, m.Beat(cpu_s=self.now))
            self.tick()
            if [action for action in self.of(do.Log) if "stopped answering" in action.text]:
                return turns
        return 0


def test_a_silent_client_is_given_up_after_a_minute() -> None:
    """A program may compute that long between two looks at its connection; its request is cancelled once."""
    street = Street()
    assert MISSED_PONGS * PING_S == 60
    assert street.given_up_after() == MISSED_PONGS + 1
    assert [a.message for a in street.of(do.ToWorker) if isinstance(a.message, m.Cancel)] == [
        m.Cancel(id=street.request_id)
    ]
    street.given_up_after(10)
    assert len([action for action in street.of(do.Log) if "stopped answering" in action.text]) == 1


def test_a_crowd_is_pinged_a_part_at_a_time() -> None:
    """All in the time in which each is pinged once; who has left by its turn, or waits no more, is left out."""
    crowd = Connections(m.Welcome(protocol=1, version="1", pid=1))
    routes = [bytes([number]) for number in range(2 * MAX_WOKEN)]
    for route in routes:
        crowd.hello(route, m.Hello(protocol=1, version="1"))
    waiting = set(routes)
    assert crowd.ping_round(waiting.__contains__) == (routes[:MAX_WOKEN], [], [])
    assert crowd.next_ping_s == PING_S / 2
    crowd.gone(routes[-1])
    waiting.discard(routes[-3])
    assert crowd.ping_round(waiting.__contains__) == ([*routes[MAX_WOKEN:-3], routes[-2]], [], [])
    assert crowd.ping_round(routes[:MAX_WOKEN].__contains__) == (routes[:MAX_WOKEN], [], [])
    assert crowd.next_ping_s == PING_S
    quiet = [crowd.ping_round({routes[0], routes[-4]}.__contains__)[1] for _ in range(QUIET_PONGS + 1)]
    assert quiet == [[], [routes[0]], [], [routes[-4]]]

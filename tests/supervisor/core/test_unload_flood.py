"""A client that asks for thousands of `unload`s costs the others no more than one that asks for one."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.unloads import MAX_UNLOADS
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

NAME = "stt/a/x"
FLOOD = 20 * MAX_UNLOADS


def _identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _busy_pool(*routes: bytes) -> Pool:
    """A pool with a worker whose process is under way, and clients on `routes`."""
    pool = Pool(Settings(), version="1", pid=1)
    for route in routes:
        pool.handle(ev.FromClient(route, m.Hello(protocol=1, version="1")), 0.0)
    pool.handle(ev.FromClient(routes[0], m.Request(id=_identity(0), worker=NAME, op="echo")), 0.1)
    return pool


def _unload(pool: Pool, route: bytes, number: int) -> list[do.Action]:
    return pool.handle(ev.FromClient(route, m.Control(id=_identity(number), action="unload", names=[NAME])), 1.0)


def test_very_many_unloads_of_one_client_are_refused_and_another_clients_is_not() -> None:
    """Only so many of one connection wait at a time; each of them is answered once, as is another client's."""
    pool = _busy_pool(b"greedy", b"good")
    out: list[do.Action] = []
    for number in range(1, FLOOD + 1):
        out += _unload(pool, b"greedy", number)
    refused = [a.message for a in out if isinstance(a, do.ToClient) and isinstance(a.message, m.Error)]
    refused = [message for message in refused if message.code == "overloaded"]
    assert len(refused) == FLOOD - MAX_UNLOADS
    assert not [a for a in _unload(pool, b"good", 1) if isinstance(a, do.ToClient)]
    (worker,) = pool._workers.values()
    ends = pool.handle(ev.Exited(NAME, worker.gen, 0), 2.0)
    answered = [(a.route, a.message.id) for a in ends if isinstance(a, do.ToClient) and isinstance(a.message, m.Result)]
    assert len(answered) == len(set(answered)) == MAX_UNLOADS + 1
    assert (b"good", _identity(1)) in answered


def test_an_event_looks_at_no_unload_that_waits() -> None:
    """While a process takes its time to leave, an event costs the same whether nobody or everybody wants it gone."""
    looks = 0

    class Watched(dict[str, Worker]):
        def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
            nonlocal looks
            looks += 1
            return super().get(name, default)

    pool = _busy_pool(b"greedy")
    for number in range(1, MAX_UNLOADS):
        _unload(pool, b"greedy", number)
    (worker,) = pool._workers.values()
    assert worker.state is not State.STOPPED
    pool._fleet._unloads._workers = Watched(pool._workers)
    for _ in range(100):
        pool.handle(ev.FromClient(b"greedy", m.Pong()), 1.5)
    assert looks == 0
    pool.handle(ev.Exited(NAME, worker.gen, 0), 2.0)
    assert looks > 0  # a process has ended: now they are looked at

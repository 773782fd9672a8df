"""Keep-alive leases: who keeps a worker, and until when."""

import math
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.pool import Pool
from hushd_supervisor.core.worker.leases import Leases

NAME = "stt/moonshine/tiny-en"


def pool_with(holder: str | None = None, **fields: Any) -> Pool:
    """A pool with one client, who has asked for that worker."""
    pool = Pool(Settings(), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1", holder=holder)), 0)
    pool.handle(ev.FromClient(b"r", m.Request(**{"id": b"1" * 16, "worker": "stt", "op": "warm"} | fields)), 0)
    return pool


def test_a_worker_names_the_programs_it_is_for() -> None:
    """A request may name another than its connection, as the gateway's do; who has gone is named no more."""
    pool = Pool(Settings(), version="1", pid=1)
    pool.handle(ev.FromClient(b"r", m.Hello(protocol=1, version="1", program="notes.py", holder="cli")), 0)
    for number, program in enumerate(("", "", "curl"), 1):
        id = bytes([number]) * 16
        pool.handle(ev.FromClient(b"r", m.Request(id=id, worker="stt", op="transcribe", program=program)), 0)
    assert pool.fleet.status(0)[0][1].programs == ("notes.py", "curl")
    pool.handle(ev.ClientGone(b"r"), 0)
    assert pool.fleet.status(0)[0][1].programs == ()


def leaves_at(pool: Pool, now: float) -> float | None:
    """The time at which the only worker leaves, None for never."""
    ((_, row),) = pool.fleet.status(now)
    return None if row.expires_in_s is None else now + row.expires_in_s


@pytest.mark.parametrize(("uses", "expiry"), [
    ([("a", None, 100)], 400),  # no lease: the default after the last job's end
    ([("a", 0.5, 100)], 100.5),  # a lease of its own counts, shorter than the default or not
    ([("a", 10, 100), ("a", 5, 101)], 106),  # a holder's newer lease replaces its older one
    ([("a", 600, 100), ("b", 5, 101)], 700),  # one holder cannot shorten another's
    ([("a", 600, 100), ("a", 0, 101)], 101),  # 0 withdraws, and with no other lease it ends at once
    ([("a", 600, 100), ("b", 0, 101)], 700),  # 0 withdraws only one's own
    ([("a", -0.5, 100)], math.inf),
    ([("a", -1, 100), ("a", 5, 101)], 106),
    ([("a", 600, 100), ("b", None, 101)], 700),  # a plain use makes no lease
    ([("a", 5, 100), ("b", None, 120)], 420),  # the lease is over, so the default counts
    ([("a", 0, 100), ("b", None, 120)], 420),  # withdrawn once is not withdrawn for others
])  # fmt: skip
def test_expiry(uses: list[tuple[str, float | None, float]], expiry: float) -> None:
    """The worker ends at its latest live lease or, with none, at the last job's end + the default."""
    leases = Leases()
    for holder, keep_alive, now in uses:
        leases.use(holder, keep_alive, now)
    assert leases.expiry(300, uses[-1][2]) == expiry


@pytest.mark.parametrize("keep_alive", [-1.0, 1e9, 301.0, 10.0])
def test_what_a_connection_wanted_ends_with_it(keep_alive: float) -> None:
    """A connection that is its own holder keeps a worker only while it is there; a named holder longer. That it wanted
    the memory back soon still holds."""
    for holder, stays in ((None, False), ("cli", True)):
        pool = pool_with(holder, keep_alive=keep_alive)
        pool.handle(ev.FromWorker(NAME, 1, m.Ready()), 1)
        until = None if keep_alive < 0 else 1 + keep_alive
        assert leaves_at(pool, 1) == until
        pool.handle(ev.ClientGone(b"r"), 5)
        assert leaves_at(pool, 5) == (until if stays or keep_alive == 10.0 else 301)


def test_a_requester_that_leaves_during_start_leaves_a_warm_worker_race_5() -> None:
    """Race 5: the only requester cancels while the worker starts; it still comes up and stays for its time."""
    pool = pool_with(op="transcribe")
    pool.handle(ev.FromClient(b"r", m.Cancel(id=b"1" * 16)), 1)
    pool.handle(ev.FromWorker(NAME, 1, m.Ready()), 20)
    assert pool.fleet.status(20)[0][1].state == "ready"
    assert pool.fleet.status(20)[0][1].expires_in_s == 300

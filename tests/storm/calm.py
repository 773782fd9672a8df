"""The calm after a storm: within a documented time everything is at rest, and the account is right."""

from __future__ import annotations

from pathlib import Path

from hushd import Client
from hushd_schema.status import Status

from .ledger import END_S, Ledger
from .stage import wait_until

REST_S = 60.0  # for workers to start, drain and be killed, with the limits of the storm's configuration
SETTLED = ("stopped", "ready", "backoff", "failed")
WITHIN = 0.02  # of the account, for processes that go on working meanwhile
STEADY = 100_000  # bytes by which a process may change while it is measured
KEEPERS = "keeper "  # how the names of those begin whose leases outlive their connections


def calm(ledger: Ledger) -> None:
    """Notes that no fault happens from now on."""
    ledger.witness.harness.saw("calm", bound=END_S)


def look(ledger: Ledger) -> None:
    """Waits for rest, and notes the state of the house when it has come, or has not in time."""
    with Client() as client:
        status, sizes = _measured(client)
    floor, account = status.floor, int(status.memory.used_mb * 1e6)
    ledger.witness.harness.saw(
        "rest",
        workers={row.name: row.state for row in status.workers},
        speaker=floor.speaker and floor.speaker.client,
        microphone=floor.microphone and floor.microphone.client,
        waiting=floor.waiting,
        leases=[[row.name, holder, left] for row in status.workers for holder, left in row.holders.items()],
        account=account,
        processes=sum(sizes.values()),
        within=int(account * WITHIN) + 100_000 * (1 + len(status.workers)),
        rows={row.name: [row.pid, row.private_mb, sizes.get(row.pid or 0, 0) / 1e6] for row in status.workers},
    )


def _rests(status: Status) -> bool:
    """Returns whether nothing is under way, and no connection's lease is left."""
    leases = [holder for row in status.workers for holder in row.holders if not holder.startswith(KEEPERS)]
    floor = status.floor
    busy = [row for row in status.workers if row.state not in SETTLED or row.queued + row.running]
    return not (leases or busy or floor.speaker or floor.microphone or floor.waiting)


def _measured(client: Client) -> tuple[Status, dict[int, int]]:
    """A status at rest, and the private bytes of its workers' processes by /proc; the last one, if it never rests.

    It is asked for again until account and processes agree: the supervisor measures a process ten times a second at
    most, and fewer where there are many, and one that comes to rest gives back pages. Others leave by themselves then.
    """
    measured: list[tuple[Status, dict[int, int]]] = []

    def rests() -> bool:
        status = client.status()
        sizes = _sizes(status)
        measured.append((status, sizes))
        apart = abs(status.memory.used_mb * 1e6 - sum(sizes.values()))
        return _rests(status) and apart < STEADY * (1 + len(sizes))

    wait_until(rests, REST_S)
    return measured[-1]


def _sizes(status: Status) -> dict[int, int]:
    return {row.pid: _private(row.pid) for row in status.workers if row.pid}


def _private(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return sum(1024 * int(fields[name][0]) for name in ("RssAnon", "RssShmem") if name in fields)

"""The supervisor as a holder of the memory treaty, docs/TREATY.md: what it publishes, and what it gives; pure.

Loaded only where the configuration says so. It gives idle workers, as `yield` does, and keeps away from their memory.
"""

from __future__ import annotations

from typing import NamedTuple

from .actions import Action, Gave, Log
from .events import Asked, GivenBack
from .memory.admission import Admission
from .memory.budget import Resident
from .memory.kept import MACHINE
from .memory.placement import Tenant

WITHIN_S = 5.0  # an idle worker has left, and a card's driver reports it


class Offer(NamedTuple):
    """A worker's process, as the treaty lists it.

    Attributes:
        cards: bytes by the card's place on the bus.
        idle_since: None while it works, starts or leaves.
        reload_s: seconds of its last start.
    """

    name: str
    ram: int
    cards: tuple[tuple[str, int], ...]
    idle_since: float | None
    reload_s: float
    pinned: bool


def offers(admission: Admission, now: float) -> tuple[Offer, ...]:
    """Returns what workers and templates hold."""
    return tuple(_offer(admission, tenant, now) for tenant in admission.tenants.every(now))


def _offer(admission: Admission, tenant: Tenant, now: float) -> Offer:
    resident = tenant.machine
    worker = admission.workers.get(resident.name)
    return Offer(
        resident.name,
        resident.size,
        tuple(tenant.cards.items()),
        None if resident.idle_s is None or resident.leaving else now - resident.idle_s,
        worker.lifecycle.start_s if worker else 0.0,
        worker is not None and worker.settings.pinned,
    )


def handle(admission: Admission, event: Asked | GivenBack, down: bool, now: float) -> list[Action]:
    """Gives, or takes back; `down`: the supervisor is about to leave."""
    if isinstance(event, GivenBack):
        admission.cards.kept.release(event.claim)
        return []
    if down:
        return [Gave(event.claim, why="hushd is shutting down.")]
    if admission.relief is not None and admission.relief.neighbours.since() <= event.since:
        return [Gave(event.claim, why="hushd lacks memory itself, and asked first.")]
    return _give(admission, event, now)


def _give(admission: Admission, asked: Asked, now: float) -> list[Action]:
    """Has idle workers leave until `size` bytes are given, the least worth keeping first."""
    device = asked.card or MACHINE
    tenants = admission.tenants.every(now)
    residents = [tenant.on(device) if device else tenant.machine for tenant in tenants if _is_on(tenant, device)]
    idle = (resident for resident in residents if resident.idle_s is not None and not resident.leaving)
    chosen: list[Resident] = []
    given = 0
    for resident in sorted(idle, key=admission.budget.rank):
        if given < asked.size:
            chosen.append(resident)
            given += resident.size
    actions = [action for resident in chosen for action in admission.evict(resident.name, now)]
    if given:
        staying = sum(resident.size for resident in residents if not resident.leaving) - given
        admission.cards.kept.keep(device, staying, now + asked.for_s, asked.claim)
        names = ", ".join(resident.name for resident in chosen)
        actions.append(Log("INFO", f"another program is given {given / 1e6:.0f} MB, by {names}"))
    why = "" if given >= asked.size else "hushd has no more of it that is idle."
    return [*actions, Gave(asked.claim, given, WITHIN_S if given else 0.0, why)]


def _is_on(tenant: Tenant, device: str) -> bool:
    return not device or bool(tenant.cards.get(device))

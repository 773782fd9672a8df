"""Holders of the memory treaty, found in the user's own folder and asked by the reference module (docs/TREATY.md)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .holding import Failed, Holding
from .server import Server

if TYPE_CHECKING:
    from hushd_treaty.memory_treaty import Party

OURS = "hushd"  # itself a holder, which does not ask itself
_AWAY_S = 60.0  # for which a holder keeps away from given memory: long enough for a start


def look(_: Server) -> list[Holding]:
    """Lists the parts that holders could give, each named by its holder's name and pid, and its own name."""
    now = time.time()
    return [
        Holding(
            _name(party, part.name),
            part.ram,
            part.cards,
            None if part.idle_since is None else max(0.0, now - part.idle_since),
            part.idle_since is None,
            part.pinned,
            part.reload_s or None,
        )
        for party in _parties()
        for part in party.holds
    ]


def give(server: Server, holding: Holding) -> None:
    """Asks the holder of a part for the part's size, of the machine's memory and of each card."""
    for party in _parties():
        if holding.model in {_name(party, part.name) for part in party.holds}:
            _ask(party, holding, server.since)
            return
    raise Failed(f"No program holds {holding.model} any more.")


def _ask(party: Party, holding: Holding, since: float) -> None:
    from hushd_treaty.memory_treaty import TreatyError

    wants = {**({"": holding.ram} if holding.ram else {}), **holding.cards}
    try:
        answers = [party.ask(size, card, _AWAY_S, since) for card, size in wants.items()]
    except TreatyError as error:
        raise Failed(str(error)) from None
    if not any(answer.bytes for answer in answers):
        why = next((answer.why for answer in answers if answer.why), "it does not say why")
        raise Failed(f"{party.name} gives nothing: {why.rstrip('.')}.")


def _parties() -> Iterator[Party]:
    from hushd_treaty import memory_treaty  # only needed with such a neighbour

    return (party for party in memory_treaty.parties() if party.name != OURS)


def _name(party: Party, part: str) -> str:
    return f"{party.name}-{party.pid}/{part}"

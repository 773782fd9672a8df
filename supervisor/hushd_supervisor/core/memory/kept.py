"""Memory that is kept free for other programs, of the machine and of each graphics card; pure. Sizes in bytes."""

from __future__ import annotations

import math
from typing import NamedTuple

MACHINE = ""  # in place of a card
NO_LIMIT = 1 << 60  # also the assumed memory of a card that has slept since the first look: no program uses it
HELD_S = 60.0  # after which to ask again for memory that is kept for as long as a program runs


class _Claim(NamedTuple):
    """Workers take at most `limit` bytes of a device until then."""

    limit: int
    until: float


class Kept:
    """All claims, by the device and by their holder: of each holder a later one replaces the earlier."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, bytes], _Claim] = {}

    def keep(self, device: str, limit: int, until: float, holder: bytes = b"") -> None:
        """Limits workers to `limit` bytes of a device until `until`."""
        self._claims[device, holder] = _Claim(limit, until)

    def release(self, holder: bytes) -> None:
        """Ends a holder's claims."""
        self._claims = {key: claim for key, claim in self._claims.items() if key[1] != holder}

    def limit(self, device: str, now: float) -> int:
        """The bytes that workers may take of a device now."""
        return min((claim.limit for claim in self._of(device, now)), default=NO_LIMIT)

    def until(self, device: str, now: float) -> float | None:
        """The time at which more of a device may be taken again; None if it is not kept for others."""
        ends = [claim.until if claim.until < math.inf else now + HELD_S for claim in self._of(device, now)]
        return min(ends, default=None)

    def is_held(self) -> bool:
        """Returns whether any claim is endless: its holder's connection lives."""
        return any(claim.until == math.inf for claim in self._claims.values())

    def _of(self, device: str, now: float) -> list[_Claim]:
        if not self._claims:
            return []
        self._claims = {key: claim for key, claim in self._claims.items() if now < claim.until}
        return [claim for (of, _), claim in self._claims.items() if of == device]

"""The fields of a `yield`, which has workers leave graphics cards to other programs."""

from __future__ import annotations

from hushd_protocol import JsonObject, duration, size
from hushd_protocol.errors import HushdError


def options(vram: int | str | None, card: int | str | None, keep_away: float | str) -> JsonObject:
    """The fields of the control.

    Raises:
        HushdError: `bad_request` for what is neither a size nor a length of time.
    """
    memory = 0 if vram is None else size.parse(vram)
    seconds = duration.parse(keep_away)
    if memory is None or (vram is not None and memory == 0):
        raise HushdError("bad_request", f"{vram!r} is not a size of memory: use one such as 12G, 500M or 11GiB.")
    if seconds is None or seconds < 0:
        raise HushdError("bad_request", f"{keep_away!r} is not a length of time: use one such as 90s or 10m.")
    return {"vram": memory, "card": "" if card is None else str(card), "for_s": seconds}

"""The fields of a `yield`, which has workers leave memory and graphics cards to other programs."""

from __future__ import annotations

from hushd_protocol import JsonObject, duration, size
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted


def yield_fields(
    vram: int | str | None,
    card: int | str | None = None,
    keep_away: float | str = 60.0,
    ram: int | str | None = None,
    hold: bool = False,
) -> JsonObject:
    """The fields of the control; with `ram` alone no card is left.

    Raises:
        HushdError: `bad_request` for what is neither a size nor a length of time.
    """
    seconds = duration.parse(keep_away)
    if seconds is None or seconds < 0:
        sentence = f"{quoted(keep_away)} is not a length of time: use one such as 90s or 10m."
        raise HushdError("bad_request", sentence)
    fields: JsonObject = {"card": "" if card is None else str(card), "for_s": seconds}
    fields["vram"] = 0 if vram is None and (ram is None or card is not None) else -1 if vram is None else _size(vram)
    more = {} if ram is None else {"ram": _size(ram)}
    return fields | more | ({"hold": True} if hold else {})


def _size(text: int | str) -> int:
    memory = size.parse(text)
    if not memory:
        sentence = f"{quoted(text)} is not a size of memory: use one such as 12G, 500M or 11GiB."
        raise HushdError("bad_request", sentence)
    return memory

"""Messages to ZeroMQ frames and back: `[magic][header][payload]`, after a route on a ROUTER."""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Decoder, encode
from .errors import HushdError
from .limits import MAGIC, MAX_HEADER, MAX_PAYLOAD
from .messages import Message


def pack(message: Message) -> list[bytes]:
    """Returns the three frames of `message`.

    Raises:
        HushdError: `too_large` when its header or payload exceeds its limit.
    """
    header = encode(message)
    _limit(header, message.payload)
    return [MAGIC, header, message.payload]


def unpack(frames: Sequence[bytes], decoder: Decoder) -> Message:
    """Returns the message in `frames`, which lack the route.

    Raises:
        HushdError: `protocol_error`, `too_large` or `unsupported`.
    """
    if len(frames) != 3 or frames[0] != MAGIC:
        raise HushdError("protocol_error", "This is not a hushd/1 message: expected HSH1, a header and a payload.")
    _limit(frames[1], frames[2])
    return decoder.decode(frames[1], frames[2])


def _limit(header: bytes, payload: bytes) -> None:
    if len(header) > MAX_HEADER:
        raise HushdError("too_large", f"The header has {len(header)} bytes, {MAX_HEADER} are allowed.")
    if len(payload) > MAX_PAYLOAD:
        raise HushdError("too_large", f"The payload has {len(payload)} bytes, {MAX_PAYLOAD} are allowed.")

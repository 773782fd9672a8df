"""Header maps to messages and back, and messages to ZeroMQ frames and back: `[magic][header][payload]`, on a ROUTER
after a route.

Strict: a field of the wrong type, or a missing one, is a `HushdError("protocol_error")` that names the field. An
unknown key is ignored, so that a later minor version may add one; an unknown type is `unsupported`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_origin

import msgspec
from msgspec.structs import fields, replace

from .errors import HushdError
from .limits import ID_BYTES, MAGIC, MAX_DEPTH, MAX_HEADER, MAX_PAYLOAD
from .messages import Message
from .values import misfit

_UNPACK, _PACK = msgspec.msgpack.Decoder().decode, msgspec.msgpack.Encoder().encode

# An error with the id of one of these would end the running request that it belongs to.
_FOLLOWING = ("chunk", "credit", "cancel")


def encode(message: Message) -> bytes:
    """Returns the header of `message`: a msgpack map without the payload, and without most fields that have their
    default."""
    return _PACK(replace(message, payload=b"") if message.payload else message)


class Decoder:
    """Decodes the messages that one direction of one socket may carry.

    >>> Decoder(FROM_CLIENT).decode(header, payload)
    """

    def __init__(self, kinds: Iterable[type[Message]]) -> None:
        self._kinds = {
            kind.__struct_config__.tag: (kind, [each.name for each in fields(kind) if get_origin(each.type) is dict])
            for kind in kinds
        }

    def decode(self, header: bytes, payload: bytes = b"") -> Message:
        """Decodes one message.
        Raises `protocol_error` for anything malformed, `unsupported` for a type not of this direction. The error's
        detail has `id` if the header had one that an answer may use: that of a request or control, or of an unknown
        type."""
        try:
            content = _UNPACK(header)
        except (ValueError, RecursionError) as error:
            raise HushdError("protocol_error", "The header is not a msgpack map.") from error
        if type(content) is not dict:
            raise HushdError("protocol_error", "The header is not a msgpack map.")
        tag, request_id = content.get("type"), content.get("id")
        usable = type(request_id) is bytes and len(request_id) == ID_BYTES and tag not in _FOLLOWING
        detail = {"id": request_id} if usable else {}
        if type(tag) is not str or tag not in self._kinds:
            name = repr(tag[:40]) if type(tag) is str else "(none)"
            raise HushdError("unsupported", f"Messages of type {name} are unknown here.", detail=detail)
        kind, maps = self._kinds[tag]
        content = {name: value for name, value in content.items() if type(name) is str}
        content["payload"] = payload
        for name in maps:
            if not _plain(content.get(name), MAX_DEPTH):
                raise _unfit(
                    f"The field {name} of {tag} must be a map of plain values, at most {MAX_DEPTH} deep", detail
                )
        try:
            # Only bytes are taken for bytes, not a text in base64.
            return msgspec.convert(content, kind, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            wrong = misfit(error)
            if wrong.missing:
                raise _unfit(f"{tag} lacks {wrong.path[-1]}", detail) from None
            raise _unfit(f"The field {'.'.join(wrong.path)} of {tag} must be {wrong.must_be}", detail) from None


def _unfit(what: str, detail: dict[str, Any]) -> HushdError:
    return HushdError("protocol_error", f"{what}.", detail=detail)


def _plain(value: Any, depth: int) -> bool:
    """Returns whether `value` can be packed again and shown as JSON: no extension types, not too deep."""
    if type(value) is dict:
        return depth > 0 and all(type(key) is str and _plain(item, depth - 1) for key, item in value.items())
    if type(value) is list:
        return depth > 0 and all(_plain(item, depth - 1) for item in value)
    return value is None or type(value) in (str, int, float, bool, bytes)


def pack(message: Message) -> list[bytes]:
    """Returns the three frames of `message`. Raises `too_large` when its header or payload exceeds its limit."""
    header = encode(message)
    _limit(header, message.payload)
    return [MAGIC, header, message.payload]


def unpack(frames: Sequence[bytes], decoder: Decoder) -> Message:
    """Returns the message in `frames`, which lack the route. Raises `protocol_error`, `too_large` or `unsupported`."""
    if len(frames) != 3 or frames[0] != MAGIC:
        raise HushdError("protocol_error", "This is not a hushd/1 message: expected HSH1, a header and a payload.")
    _limit(frames[1], frames[2])
    return decoder.decode(frames[1], frames[2])


def _limit(header: bytes, payload: bytes) -> None:
    if len(header) > MAX_HEADER:
        raise HushdError("too_large", f"The header has {len(header)} bytes, {MAX_HEADER} are allowed.")
    if len(payload) > MAX_PAYLOAD:
        raise HushdError("too_large", f"The payload has {len(payload)} bytes, {MAX_PAYLOAD} are allowed.")

"""Header maps to dataclasses and back: one generic, strict codec. And messages to ZeroMQ frames and back:
`[magic][header][payload]`, after a route on a ROUTER.

Strict: a field of the wrong type, or a missing one, is a `HushdError("protocol_error")` that names the field. An
unknown key is ignored, so that a later minor version may add one; an unknown type is `unsupported`.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from typing import Any, NamedTuple, get_type_hints

import msgpack

from hushd_protocol import JsonObject

from .errors import HushdError
from .limits import ID_BYTES, MAGIC, MAX_CREDIT, MAX_DEPTH, MAX_HEADER, MAX_PAYLOAD
from .messages import Cancel, Chunk, Credit, Error, Message

Check = Callable[[Any], bool]

# An error with the id of one of these would end the running request that it belongs to.
_FOLLOWING = (Chunk.TYPE, Credit.TYPE, Cancel.TYPE)


@functools.cache
def _checker(hint: Any) -> Check:
    """Returns a predicate for one annotation: a scalar, `X | None`, `list[str]` or `dict[str, Any]`."""
    if isinstance(hint, types.UnionType):
        checks = [_checker(arm) for arm in typing.get_args(hint)]
        return lambda value: any(check(value) for check in checks)
    origin = typing.get_origin(hint) or hint
    if origin is types.NoneType:
        return lambda value: value is None
    if origin is int:
        return lambda value: type(value) is int
    if origin is float:
        # NaN would make every comparison of a timer false.
        return lambda value: type(value) in (float, int) and math.isfinite(value)
    if origin is list:
        (item,) = typing.get_args(hint)
        check_item = _checker(item)
        return lambda value: type(value) is list and all(check_item(item) for item in value)
    if origin is dict:
        return lambda value: type(value) is dict and _plain(value, MAX_DEPTH)
    if origin in (str, bytes, bool):
        return lambda value: type(value) is origin
    raise TypeError(f"the codec has no rule for {hint!r}")


def _plain(value: Any, depth: int) -> bool:
    """Returns whether `value` can be packed again and shown as JSON: no extension types, not too deep."""
    if type(value) is dict:
        return depth > 0 and all(type(key) is str and _plain(item, depth - 1) for key, item in value.items())
    if type(value) is list:
        return depth > 0 and all(_plain(item, depth - 1) for item in value)
    return value is None or type(value) in (str, int, float, bool, bytes)


class _Spec(NamedTuple):
    kind: type[Message]
    checks: dict[str, Check]
    required: frozenset[str]


def _spec(kind: type[Message]) -> _Spec:
    hints = get_type_hints(kind)
    known = [f for f in fields(kind) if f.name != "payload"]
    required = frozenset(f.name for f in known if f.default is MISSING and f.default_factory is MISSING)
    return _Spec(kind, {f.name: _checker(hints[f.name]) for f in known}, required)


_SPECS: dict[type[Message], _Spec] = {}
_FIELDS: dict[type[Message], tuple[tuple[str, Any], ...]] = {}


def _fields(kind: type[Message]) -> tuple[tuple[str, Any], ...]:
    """The names and defaults of the fields in a header; a required field's default is equal to no value."""
    header_fields = []
    for field in fields(kind):
        if field.name != "payload":
            default = field.default if field.default_factory is MISSING else field.default_factory()
            header_fields.append((field.name, default))
    return tuple(header_fields)


def encode(message: Message) -> bytes:
    """Returns the header of `message`: a msgpack map without the payload and without fields that have their default."""
    kind = type(message)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = _fields(kind)
    header: JsonObject = {"type": kind.TYPE}
    for name, default in fields:
        value = getattr(message, name)
        if value != default:
            header[name] = value
    return typing.cast(bytes, msgpack.packb(header))


class Decoder:
    """Decodes the messages that one direction of one socket may carry.

    >>> Decoder(FROM_CLIENT).decode(header, payload)
    """

    def __init__(self, kinds: Iterable[type[Message]]) -> None:
        self._specs = {kind.TYPE: _SPECS.get(kind) or _SPECS.setdefault(kind, _spec(kind)) for kind in kinds}

    def decode(self, header: bytes, payload: bytes = b"") -> Message:
        """Decodes one message.
        Raises `protocol_error` for anything malformed, `unsupported` for a type not of this direction. The error's
        detail has `id` if the header had one that an answer may use: that of a request or control, or of an unknown
        type."""
        try:
            # msgpack itself refuses strings that are not UTF-8, maps that are too deep, and false counts.
            fields = msgpack.unpackb(header)
        except Exception as error:
            raise HushdError("protocol_error", "The header is not a msgpack map.") from error
        if type(fields) is not dict:
            raise HushdError("protocol_error", "The header is not a msgpack map.")
        kind = fields.pop("type", None)
        request_id = fields.get("id")
        usable = type(request_id) is bytes and len(request_id) == ID_BYTES and kind not in _FOLLOWING
        detail = {"id": request_id} if usable else {}
        spec = self._specs.get(kind) if type(kind) is str else None
        if spec is None:
            name = repr(kind[:40]) if type(kind) is str else "(none)"
            raise HushdError("unsupported", f"Messages of type {name} are unknown here.", detail=detail)
        values: JsonObject = {}
        for name, value in fields.items():
            check = spec.checks.get(name)
            if check is None:
                continue
            if not check(value):
                raise HushdError("protocol_error", f"The field {name} of {kind} has the wrong type.", detail=detail)
            values[name] = value
        if not spec.required <= values.keys():
            missing = ", ".join(sorted(spec.required - values.keys()))
            raise HushdError("protocol_error", f"{kind} lacks {missing}.", detail=detail)
        if "id" in spec.checks and len(values["id"]) not in ((0, ID_BYTES) if spec.kind is Error else (ID_BYTES,)):
            raise HushdError("protocol_error", f"The id of {kind} is not {ID_BYTES} bytes.")
        for name in ("chunks", "credit"):
            if not 0 <= values.get(name, 0) <= MAX_CREDIT:
                raise HushdError("protocol_error", f"{name} must be 0 to {MAX_CREDIT}.", detail=detail)
        return spec.kind(payload=payload, **values)


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

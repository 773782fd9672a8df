"""Frames that were recorded or damaged are read as docs/PROTOCOL.md says, by msgpack alone."""

from __future__ import annotations

import math
import types
import typing
from pathlib import Path
from random import Random
from typing import Any

import msgpack
from fuzzing.wire import frames, message
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES, MAGIC, MAX_CREDIT, MAX_DEPTH, MAX_HEADER, MAX_PAYLOAD
from msgspec import NODEFAULT
from msgspec.structs import fields

DIRECTIONS = (m.FROM_CLIENT, m.TO_CLIENT, m.FROM_WORKER, m.TO_WORKER)
DECODERS = [Decoder(kinds) for kinds in DIRECTIONS]
RECORDED = Path(__file__).with_name("recorded_frames.bin")  # of a day's commands: directions and headers
NUMBER = 10_000


class Refused(Exception):
    """The code of the error that a frame gets."""


def expected(sent: list[bytes], kinds: tuple[type[m.Message], ...]) -> tuple[str, dict[str, Any]]:
    """Reads frames without the codec: the type of the message, and its fields."""
    if len(sent) != 3 or sent[0] != MAGIC:
        raise Refused("protocol_error")
    if len(sent[1]) > MAX_HEADER or len(sent[2]) > MAX_PAYLOAD:
        raise Refused("too_large")
    try:
        header = msgpack.unpackb(sent[1], strict_map_key=False)
    except Exception as error:
        raise Refused("protocol_error") from error
    if not isinstance(header, dict):
        raise Refused("protocol_error")
    by_type = {kind.__struct_config__.tag: kind for kind in kinds}
    tag = header.get("type")
    if not isinstance(tag, str) or tag not in by_type:
        raise Refused("unsupported")
    hints, values = typing.get_type_hints(by_type[tag]), {"payload": sent[2]}
    for field in fields(by_type[tag]):
        name = field.name
        if name != "payload" and name in header:
            if not fits(header[name], hints[name]) or not allowed(tag, name, header[name]):
                raise Refused("protocol_error")
            values[name] = (
                float(header[name]) if isinstance(header[name], int) and "float" in str(hints[name]) else header[name]
            )
        elif name != "payload":
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                raise Refused("protocol_error")
            values[name] = field.default if field.default_factory is NODEFAULT else field.default_factory()
    return tag, values


def fits(value: Any, hint: Any) -> bool:
    """Says whether a value is of a type; a map holds what JSON or bytes can, to a depth."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(fits(value, arm) for arm in typing.get_args(hint))
    match typing.get_origin(hint) or hint:
        case types.NoneType:
            return value is None
        case kind if kind is float:
            return type(value) in (int, float) and math.isfinite(value)
        case kind if kind is list:
            return type(value) is list and all(type(item) is str for item in value)
        case kind if kind is dict:
            return type(value) is dict and plain(value, MAX_DEPTH)
        case kind:
            return type(value) is kind


def plain(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(type(key) is str and plain(item, depth - 1) for key, item in value.items())
    if isinstance(value, list):
        return depth > 0 and all(plain(item, depth - 1) for item in value)
    return value is None or type(value) in (str, int, float, bool, bytes)


def allowed(tag: str, name: str, value: Any) -> bool:
    """Says whether a value is within its bounds."""
    if name == "id":
        return len(value) == ID_BYTES or (tag == "error" and len(value) < ID_BYTES)
    return name not in ("chunks", "credit") or 0 <= value <= MAX_CREDIT


def corpus() -> typing.Iterator[tuple[int, list[bytes]]]:
    """Frames with the number of their direction: the recorded ones, and those that a seed draws."""
    recorded = msgpack.unpackb(RECORDED.read_bytes())
    yield from ((number, [MAGIC, header, b"recorded"]) for number, header in recorded)
    for seed in range(NUMBER - len(recorded)):
        rng = Random(seed)
        number = rng.randrange(len(DIRECTIONS))
        yield number, frames(rng, message(rng, DIRECTIONS[number]), harm=0.7)


def test_ten_thousand_frames_are_read_as_the_document_says() -> None:
    """Each is refused for the same reason or has the same fields, and can be sent on unchanged."""
    taken = 0
    for number, sent in corpus():
        try:
            wanted: Any = expected(sent, DIRECTIONS[number])
        except Refused as refused:
            wanted = str(refused)
        try:
            read = unpack(sent, DECODERS[number])
            got: Any = read.__struct_config__.tag, {name: getattr(read, name) for name in read.__struct_fields__}
            assert repr(unpack(pack(read), DECODERS[number])) == repr(read)
            taken += 1
        except HushdError as error:
            got = error.code
        assert repr(got) == repr(wanted), (number, sent)  # NaN in a map is equal to nothing
    assert taken > NUMBER / 4

"""The codec: what goes in comes out, and nothing but that gets in."""

from __future__ import annotations

import math
import random
import types
import typing
from typing import Any

import msgpack
import pytest
from hushd_protocol import messages
from hushd_protocol.codec import Decoder, encode, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES, MAGIC, MAX_CREDIT, MAX_DEPTH, MAX_HEADER, MAX_PAYLOAD
from hushd_protocol.messages import Cancel, Chunk, Control, Credit, Error, Hello, Message, Partial, Request, Result
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields
from support.refusals import hushd_error

KINDS: tuple[type[Message], ...] = tuple(
    kind
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message
)
EVERYTHING = Decoder(KINDS)
ID = bytes(range(ID_BYTES))


def tag(kind: type[Message]) -> str:
    """The name of a kind of message on the wire."""
    return str(kind.__struct_config__.tag)


by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: tag(kind))


def plain(rng: random.Random, depth: int = 3) -> Any:
    choices = [
        None, True, False, rng.randint(-(2**63), 2**64 - 1), rng.randint(-9, 9), rng.uniform(-1e9, 1e9), math.inf,
        rng.randbytes(rng.randint(0, 9)), text(rng),
    ]  # fmt: skip
    if depth:
        choices.append([plain(rng, depth - 1) for _ in range(rng.randint(0, 4))])
        choices.append({text(rng): plain(rng, depth - 1) for _ in range(rng.randint(0, 4))})
    return rng.choice(choices)


def text(rng: random.Random) -> str:
    return "".join(rng.choice("abc äß€\n\0日本🎙") for _ in range(rng.randint(0, 12)))


def value(rng: random.Random, name: str, hint: Any) -> Any:
    """A legal value of one field."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return value(rng, name, rng.choice(typing.get_args(hint)))
    if name == "id":
        return rng.randbytes(ID_BYTES)
    if name in ("chunks", "credit"):
        return rng.randint(0, MAX_CREDIT)
    kind = typing.get_origin(hint) or hint
    return {
        types.NoneType: lambda: None,
        bool: lambda: rng.random() < 0.5,
        int: lambda: rng.choice([0, 1, -1, 2**64 - 1, -(2**63), rng.randint(0, 10**6)]),
        float: lambda: rng.choice([0.0, -1.0, 1e300, rng.uniform(-1e6, 1e6)]),
        str: lambda: text(rng),
        bytes: lambda: rng.randbytes(rng.randint(0, 100)),
        list: lambda: [text(rng) for _ in range(rng.randint(0, 5))],
        dict: lambda: {text(rng): plain(rng) for _ in range(rng.randint(0, 5))},
    }[kind]()


def example(kind: type[Message], rng: random.Random, *, required_only: bool = False) -> Message:
    """A message of this kind with random legal fields."""
    hints = typing.get_type_hints(kind)
    values = {
        field.name: value(rng, field.name, hints[field.name])
        for field in fields(kind)
        if not required_only or is_required(field)
    }
    return kind(**values)


def is_required(field: FieldInfo) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def header_of(kind: type[Message]) -> dict[str, Any]:
    return typing.cast(dict[str, Any], msgpack.unpackb(encode(example(kind, random.Random(tag(kind))))))


def refusal(header: bytes, decoder: Decoder = EVERYTHING) -> HushdError:
    with pytest.raises(HushdError) as caught:
        decoder.decode(header)
    assert "\n" not in caught.value.message
    return caught.value


@by_kind
def test_every_message_survives_the_wire(kind: type[Message]) -> None:
    """Packed messages unpack to the same, over 200 seeded random ones of each kind."""
    rng = random.Random(f"round trip {tag(kind)}")
    for _ in range(200):
        message = example(kind, rng)
        assert unpack(pack(message), EVERYTHING) == message


@by_kind
def test_defaults_need_not_travel(kind: type[Message]) -> None:
    """A header with only the required fields gives the same message as a full one."""
    message = example(kind, random.Random(1), required_only=True)
    header = msgpack.unpackb(encode(message))
    required = {field.name for field in fields(kind) if is_required(field)}
    short = msgpack.packb({name: header[name] for name in ("type", *required)})
    assert EVERYTHING.decode(short, message.payload) == message


WRONG: dict[Any, tuple[Any, ...]] = {
    bool: (0, 1, None, "true", 1.0, b"", [], {}),
    int: (True, 1.0, "1", b"1", [1], {}, math.nan),
    float: (True, "1.0", b"", [], {}, math.nan, math.inf, -math.inf),
    str: (1, b"text", True, 1.5, ["a"], {}),
    bytes: ("text of 16 bytes", "A" * 22 + "==", 1, None, [0] * 16, {}),
    list: ("ab", {}, None, 3, [1], [None], [b"a"], ["a", ["b"]]),
    dict: ([], "{}", None, 1, [["a", 1]], {b"bytes": 1}, {"a": {b"bytes": 1}}),
}


def wrong_values() -> typing.Iterator[tuple[type[Message], str, Any]]:
    for kind in KINDS:
        hints = typing.get_type_hints(kind)
        for field in fields(kind):
            hint = hints[field.name]
            if field.name == "payload":
                continue
            arms = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
            base = next(typing.get_origin(arm) or arm for arm in arms if arm is not types.NoneType)
            if types.NoneType not in arms:
                yield kind, field.name, None
            for bad in WRONG[base]:
                if bad is not None:
                    yield kind, field.name, bad


def test_each_wrong_type_of_each_field_is_refused_by_name() -> None:
    """A field of another type is a protocol_error naming field and message; the id is kept where it may be used."""
    cases = list(wrong_values())
    assert len(cases) > 400
    for kind, name, bad in cases:
        error = refusal(msgpack.packb({**header_of(kind), name: bad}))
        assert (error.code, name in error.message, tag(kind) in error.message) == ("protocol_error", True, True), (
            kind, name, bad, error.message,
        )  # fmt: skip
        if name != "id" and kind in (Request, Control):
            assert error.detail["id"] == header_of(kind)["id"]
        if kind in (Chunk, Credit, Cancel):  # an error with their id would end a request that runs
            assert error.detail == {}


def test_each_missing_required_field_is_named() -> None:
    """A message without a field that has no default is a protocol_error naming it."""
    for kind in KINDS:
        for field in fields(kind):
            if is_required(field):
                header = header_of(kind)
                del header[field.name]
                error = refusal(msgpack.packb(header))
                assert (error.code, error.message) == ("protocol_error", f"{tag(kind)} lacks {field.name}.")


@by_kind
def test_unknown_keys_are_ignored(kind: type[Message]) -> None:
    """A later minor version may add a key: strings, bytes keys and a `payload` key change nothing."""
    message = example(kind, random.Random(3))
    header = msgpack.unpackb(encode(message))
    header |= {"brand_new": [1, 2, {"x": None}], b"odd": 1, "payload": b"not this one"}
    assert EVERYTHING.decode(msgpack.packb(header), message.payload) == message


def test_unknown_types_are_unsupported() -> None:
    """A type of no message, of another direction, none, or none that is text: `unsupported`, with the id."""
    from_client = Decoder(messages.FROM_CLIENT)
    for kind in ("sing", "", "result", "x" * 500, "two\nlines", None, 7, b"hello", ["hello"], {"hello": 1}):
        error = refusal(msgpack.packb({"type": kind, "id": ID}), from_client)
        assert (error.code, error.detail) == ("unsupported", {"id": ID})
        shown = repr(kind[:40]) if isinstance(kind, str) else "(none)"
        assert error.message == f"Messages of type {shown} are unknown here."
    assert refusal(msgpack.packb({"id": ID})).code == "unsupported"


def test_ids_are_sixteen_bytes() -> None:
    """Any other length is refused; only an error may have an empty id, which means no request at all."""
    for kind in KINDS:
        header = header_of(kind)
        if "id" not in header:
            continue
        for length in (17, 1000) if kind is Error else (0, 1, 15, 17, 1000):
            assert refusal(msgpack.packb({**header, "id": bytes(length)})).code == "protocol_error"
    header = header_of(Error)
    assert EVERYTHING.decode(msgpack.packb({**header, "id": b""})).id == b""  # type: ignore[attr-defined]


def test_credit_is_limited() -> None:
    """A grant is 0 to MAX_CREDIT chunks, in `credit` messages, requests and jobs."""
    for chunks in (0, MAX_CREDIT):
        assert unpack(pack(Credit(id=ID, chunks=chunks)), EVERYTHING) == Credit(id=ID, chunks=chunks)
    for chunks in (-1, MAX_CREDIT + 1, 2**64 - 1, -(2**63)):
        assert refusal(encode(Credit(id=ID, chunks=chunks))).code == "protocol_error"
        assert refusal(encode(Request(id=ID, worker="stt", op="echo", credit=chunks))).code == "protocol_error"
        assert refusal(encode(messages.Job(id=ID, op="echo", credit=chunks))).code == "protocol_error"


def nested(levels: int, kind: type) -> Any:
    inner: Any = kind()
    for _ in range(levels - 1):
        inner = {"a": inner} if kind is dict else [inner]
    return inner


def test_data_is_plain_and_not_too_deep() -> None:
    """MAX_DEPTH levels of maps or lists pass, one more does not, and neither do extension types anywhere."""
    for kind in (dict, list):
        data = {"a": nested(MAX_DEPTH - 1, kind)}
        assert EVERYTHING.decode(encode(Partial(id=ID, seq=0, data=data))).data == data  # type: ignore[attr-defined]
        error = refusal(encode(Partial(id=ID, seq=0, data={"a": nested(MAX_DEPTH, kind)})))
        assert (error.code, error.detail) == ("protocol_error", {"id": ID})
    for odd in (msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 2)):
        for data in ({"a": odd}, {"a": [odd]}, {"a": {"b": odd}}):
            header = {"type": "partial", "id": ID, "seq": 0, "data": data}
            assert refusal(msgpack.packb(header)).code == "protocol_error"


def test_only_three_frames_with_the_magic_are_a_message() -> None:
    """Fewer, more, a REQ's empty delimiter, another magic, a later protocol: protocol_error."""
    frames = pack(Hello(protocol=1, version="0.1.0"))
    for wrong in (
        [], frames[:1], frames[:2], [*frames, b""], [b"", *frames], [b"", *frames[1:]], [b"HSH2", *frames[1:]],
        [b"HSH1\n", *frames[1:]], [b"hsh1", *frames[1:]], frames[::-1],
    ):  # fmt: skip
        with hushd_error("protocol_error"):
            unpack(wrong, EVERYTHING)


def test_header_limit_at_its_edge() -> None:
    """A header of exactly the limit passes both ways; one byte more is too_large both ways."""
    room = MAX_HEADER - len(encode(Result(id=ID, data={"text": "x" * 40_000}))) + 40_000
    fits = Result(id=ID, data={"text": "x" * room})
    assert len(encode(fits)) == MAX_HEADER
    assert unpack(pack(fits), EVERYTHING) == fits
    over = Result(id=ID, data={"text": "x" * (room + 1)})
    with hushd_error("too_large"):
        pack(over)
    with hushd_error("too_large"):
        unpack([MAGIC, encode(over), b""], EVERYTHING)


def test_a_payload_limit_at_its_edge() -> None:
    """A payload has the edge that a header has."""
    fits = Chunk(id=ID, seq=0, payload=bytes(MAX_PAYLOAD))
    assert unpack(pack(fits), EVERYTHING) == fits
    for refuse in (pack, lambda over: unpack([MAGIC, encode(over), over.payload], EVERYTHING)):
        with hushd_error("too_large", r"^The payload has 65537 bytes, 65536 are allowed\.$"):
            refuse(Chunk(id=ID, seq=0, payload=bytes(MAX_PAYLOAD + 1)))


def test_an_error_message_and_an_exception_are_the_same_thing() -> None:
    """Error.of and Error.exception keep code, sentence, retry time and detail, over the wire too."""
    error = HushdError("server_busy", "No memory for another worker now: ask again.", 1500, {"free_mb": 3})
    message = unpack(pack(Error.of(ID, error)), EVERYTHING)
    assert isinstance(message, Error)
    assert (message.culprit, message.retryable) == ("supervisor", True)
    again = message.exception()
    assert (again.code, again.message, again.retry_after_ms, again.detail) == (
        error.code, error.message, error.retry_after_ms, error.detail,
    )  # fmt: skip

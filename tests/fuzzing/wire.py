"""Messages: sentences of the protocol in which most fields make sense, and frames that carry no message."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgpack
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, encode, pack, unpack
from hushd_protocol.errors import CODES, HushdError
from hushd_protocol.limits import ID_BYTES, MAGIC
from msgspec import NODEFAULT
from msgspec.structs import fields

from .claims import sentence
from .mutate import NUMBERS, TEXTS, Feed, altered, anything, damaged

IDS = [bytes([number]) * ID_BYTES for number in range(24)]  # few, so that messages are about one another
WORKERS = ("stt/echo/a", "stt/echo/b", "tts/echo/a", "stt/fake/a", "stt", "tts/echo", "stt/none", "models/store/local")
_WORDS: dict[str, Sequence[Any]] = {
    "worker": WORKERS,
    "op": ("echo", "sleep", "chunks", "warm", "transcribe", "synthesize", "pids", "cancel"),
    "input": ("inline", "none", "stream", "path"),
    "path": ("/etc/hostname", "/dev/zero", "/proc/self/mem", "a", ""),
    "priority": ("text", "message", "important", "notification", "progress"),
    "action": ("status", "status", "describe", "unload", "stop", "cancel", "pause", "resume", "reload", "sing"),
    "names": ([], ["stt"], ["stt/echo/a"], ["self"], ["1"], ["tts/echo", "stt"], ["x"] * 300),
    "devices": (["speaker"], ["microphone"], ["speaker", "microphone"], [], ["x"]),
    "params": ({}, {"s": 0.01}, {"count": 3, "bytes": 100}, {"count": 10**9}, {"live": True}, {"text": "a"}),
    "data": ({}, {"kind": "segment", "text": "a", "start": 0.0, "end": 1.0}, {"path": "/tmp"}),
    "holder": (None, "cli", "mcp", "fuzz"), "token": ("t" * 32, "0" * 32), "code": tuple(CODES),
    "state": ("queued", "granted", "waiting", "running"),
    "protocol": (1, 1, 1, 0, 2), "keep_alive": (None, 0, -1, 0.05, 5), "deadline_ms": (None, 0, 5, 200),
    "credit": (0, 1, 8, 100), "chunks": (0, 1, 8), "seq": (0, 1, 2, 3),
}  # fmt: skip

_ODD = (msgpack.ExtType(0, b""), msgpack.ExtType(127, bytes(40)), msgpack.Timestamp(2**34, 999_999_999), b"\xff" * 17)


def message(rng: Random, kinds: Sequence[type[m.Message]], **fixed: Any) -> m.Message:
    """A message of one of the `kinds`, of few ids, names and words."""
    kind = rng.choice(kinds)
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        needed = field.default is NODEFAULT and field.default_factory is NODEFAULT
        if field.name in fixed:
            values[field.name] = fixed[field.name]
        elif needed or rng.random() < 0.4:
            values[field.name] = _field(rng, field.name, _first(hints[field.name]))
    return kind(**values)


def _first(hint: Any) -> str:
    """The name of a type, without `| None` or what it holds."""
    return re.sub(r"^<class '|\W.*", "", str(hint)) or "None"


def _field(rng: Random, name: str, hint: str) -> Any:
    if name in _WORDS and rng.random() < 0.97:
        return rng.choice(_WORDS[name])
    if name == "id":
        return rng.choice(IDS)
    if name == "payload":
        return rng.randbytes(rng.choice((0, 0, 1, 100, 4000)))
    match hint:
        case "int":
            return rng.choice((0, 1, 3, 16000, rng.choice(NUMBERS)))
        case "float":
            return rng.choice((0.0, 0.1, 3.5, -1.0, 1e300))
        case "bool":
            return rng.random() < 0.5
        case "dict":
            value = anything(rng)
            return value if isinstance(value, dict) else {"a": value}
        case "list":
            return [rng.choice(TEXTS) for _ in range(rng.randrange(4))]
    return rng.choice(TEXTS)


def frames(rng: Random, said: m.Message, *, harm: float) -> list[bytes]:
    """The frames of a message; with a probability of `harm` they have been tampered with."""
    try:
        header, payload = encode(said), said.payload
    except (ValueError, OverflowError, UnicodeError):  # what msgpack cannot carry
        header, payload = msgpack.packb({"type": type(said).__struct_config__.tag}), b""
    if rng.random() >= harm:
        return [MAGIC, header, payload]
    match rng.randrange(9):
        case 0:
            return [rng.randbytes(rng.choice((0, 1, 4, 40))) for _ in range(rng.randrange(5))] or [b""]
        case 1:
            header = damaged(rng, header)
        case 2:
            header = rng.choice((b"\x91", b"\x81\xa1a", b"\xdd\xff\xff\xff\xff")) * rng.choice((1, 40, 600, 9000))
        case 3:
            return [MAGIC, header, payload, *[b""] * rng.choice((1, 2, 30))]
        case 4:
            header = header + b"\0" * rng.choice((1, 70_000))
        case 5:
            payload = bytes(rng.choice((65_536, 65_537, 66_000)))
        case _:
            try:
                value = altered(rng, msgpack.unpackb(header))
                if rng.random() < 0.2 and isinstance(value, dict):
                    value[rng.choice((*value, "extra", b"bytes"))] = rng.choice(_ODD)
                header = msgpack.packb(value)
            except (ValueError, OverflowError, UnicodeError, TypeError):
                header = damaged(rng, header)
    return [MAGIC, header, payload]


@contextmanager
def messages(folder: Path) -> Iterator[Feed]:
    """The codec, in each direction of both sockets: what it lets in can be sent on, what it refuses can be answered."""
    directions = (m.FROM_CLIENT, m.TO_CLIENT, m.FROM_WORKER, m.TO_WORKER)
    decoders = [Decoder(kinds) for kinds in directions]

    def feed(rng: Random) -> None:
        number = rng.randrange(len(directions))
        sent = frames(rng, message(rng, directions[number]), harm=0.8)
        try:
            taken = unpack(sent, decoders[number])
            repr(taken)
            pack(taken)
        except HushdError as error:
            _check(error)

    yield feed


def _check(refusal: HushdError) -> None:
    """Asserts that it is one of the codec's, and can be told to whoever sent the message."""
    assert refusal.code in ("protocol_error", "unsupported", "too_large")
    sentence(refusal.message)
    pack(m.Error.of(refusal.detail.get("id", b""), refusal))

"""Whatever arrives, the only thing the codec ever raises is a HushdError of one sentence."""

from __future__ import annotations

import os
import random
import struct

import msgpack
import pytest
from hushd_protocol import messages
from hushd_protocol.codec import Decoder, encode, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES, MAGIC, MAX_HEADER
from hushd_protocol.messages import Chunk, Control, Error, Hello, Message, Partial, Request, Result, WorkerHello

SEEDS = int(os.environ.get("HUSHD_FUZZ_SEEDS", "1000"))
ID = bytes(range(ID_BYTES))
DECODERS = [
    Decoder(kinds) for kinds in (messages.FROM_CLIENT, messages.TO_CLIENT, messages.FROM_WORKER, messages.TO_WORKER)
]
SAMPLES: list[Message] = [
    Hello(protocol=1, version="0.1.0", holder="cli", pid=4),
    WorkerHello(token="t" * 32, protocol=1, version="0.1.0", pid=4),
    Request(
        id=ID, worker="stt/moonshine", op="transcribe", params={"live": True, "silence_s": 0.8}, input="path",
        path="/tmp/ä.wav", device=2**40, inode=9, size=10**9, credit=8, deadline_ms=100, keep_alive=-1,
    ),
    Chunk(id=ID, seq=3, last=True, offset=44, rate=16000, channels=1, payload=b"\0\1" * 50),
    Control(id=ID, action="unload", names=["stt", "tts/hibari/en"]),
    Partial(id=ID, seq=1, data={"kind": "segment", "words": [{"word": "a", "start": 0.1, "end": 0.2}]}),
    Result(id=ID, data={"language": "en", "duration": 3.5, "list": [None, True, b"x"]}),
    Error(id=b"", code="protocol_error", message="No.", detail={"id": ID}),
]  # fmt: skip


def swallow(frames: list[bytes]) -> Message | None:
    """The message, if it is one; fails the test on any exception that is not a proper HushdError."""
    kept = None
    for decoder in DECODERS:
        try:
            kept = unpack(frames, decoder)
        except HushdError as refusal:
            error = refusal
        else:
            pack(kept)  # what was let in can be passed on
            repr(kept)
            continue
        assert error.code in ("protocol_error", "unsupported", "too_large")
        assert "\n" not in error.message
        assert len(error.message) < 200
        pack(Error.of(error.detail.get("id", b""), error))  # and its sender can be told
    return kept


def test_mutated_messages() -> None:
    """Valid headers with bytes flipped, cut out, doubled or inserted; some stay messages, most do not."""
    survived = 0
    for seed in range(SEEDS * 5):
        rng = random.Random(seed)
        header = bytearray(encode(rng.choice(SAMPLES)))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(header))
            match rng.randrange(5):
                case 0:
                    header[place] ^= 1 << rng.randrange(8)
                case 1:
                    header[place] = rng.choice([0x00, 0x7F, 0x80, 0x8F, 0xC0, 0xC1, 0xC7, 0xD4, 0xDD, 0xDF, 0xFF])
                case 2:
                    del header[place : place + rng.randint(1, 8)]
                case 3:
                    header[place:place] = header[place : place + rng.randint(1, 40)]
                case 4:
                    header[place:place] = rng.randbytes(rng.randint(1, 5))
            header = header or bytearray(b"\x80")
        survived += swallow([MAGIC, bytes(header), b""]) is not None
    assert 0 < survived < SEEDS * 5  # the mutations are neither harmless nor all fatal


def random_value(rng: random.Random, depth: int = 4) -> object:
    """Anything msgpack can say, legal for us or not."""
    leaf = [
        None, True, 0, -1, 2**64 - 1, -(2**63), float("nan"), float("inf"), -float("inf"), 5e-324, "", "text",
        "\ud7ff", "x" * 300, b"", ID, b"\xff" * 17, msgpack.ExtType(0, b""), msgpack.ExtType(127, b"\0" * 40),
        msgpack.Timestamp(2**34, 999_999_999),
    ]  # fmt: skip
    choice = rng.randrange(len(leaf) + 6 if depth else len(leaf))
    if choice < len(leaf):
        return leaf[choice]
    if choice % 2:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    keys: list[str | bytes] = ["type", "id", "seq", "data", "params", b"id", b"type", "", "names", "x"]
    return {rng.choice(keys): random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))}


def test_legal_msgpack_that_means_nothing() -> None:
    """Every field of every message replaced by anything msgpack can say: ext types, NaN, big ints, bytes as keys."""
    for seed in range(SEEDS * 3):
        rng = random.Random(seed)
        header = msgpack.unpackb(encode(rng.choice(SAMPLES)))
        for _ in range(rng.randint(1, 3)):
            header[rng.choice([*header, "type", "extra", b"bytes"])] = random_value(rng)
        swallow([MAGIC, msgpack.packb(header), b""])
        swallow([MAGIC, msgpack.packb(random_value(rng)), b""])


HOSTILE = {
    "empty": b"",
    "not a map": b"\x01",
    "never used byte": b"\xc1",
    "two objects": b"\x80\x80",
    "map of 2^32-1": b"\xdf\xff\xff\xff\xff",
    "list of 2^32-1": b"\xdd\xff\xff\xff\xff",
    "text of 2^32-1": b"\xdb\xff\xff\xff\xff",
    "bytes of 2^32-1": b"\xc6\xff\xff\xff\xff",
    "ext of 2^32-1": b"\xc9\xff\xff\xff\xff\x01",
    "lists of 65000 in lists": b"\xdd\x00\x00\xfd\xe8" * 1000 + b"\xc0" * 60_000,
    "maps of 30000 in maps": (b"\xdf\x00\x00\x75\x30\xa1a") * 1000 + b"\xc0" * 55_000,
    "100 nested maps": b"\x81\xa4type" + b"\x81\xa1a" * 100 + b"\xc0",
    "500 nested lists in params": b"\x82\xa4type\xa7request\xa6params\x81\xa1a" + b"\x91" * 500 + b"\xc0",
    "1000 nested lists in params": b"\x82\xa4type\xa7request\xa6params\x81\xa1a" + b"\x91" * 1000 + b"\xc0",
    "60000 nested lists": b"\x91" * 60_000,
    "60000 nested maps": b"\x81\xa1a" * 20_000,
    "map with a list as key": b"\x81\x91\x01\x01",
    "map with a map as key": b"\x81\x80\x01",
    "map with an integer as key": b"\x81\x01\x01",
    "text that is not UTF-8": b"\x81\xa4type\xa2\xff\xfe",
    "a lone surrogate": b"\x81\xa4type\xa3\xed\xa0\x80",
    "the same key twice": b"\x82\xa4type\xa4pong\xa4type\xa5hello",
    "bad timestamp": b"\x81\xa4type\xc7\x0c\xff\xff\xff\xff\xff" + bytes(8),
    "timestamp far away": b"\x81\xa4type\xc7\x0c\xff\x00\x00\x00\x01\x7f" + b"\xff" * 7,
    "timestamp of 3 bytes": b"\x81\xa4type\xc7\x03\xff\x01\x02\x03",
    "NaN as type": b"\x81\xa4type\xcb" + struct.pack(">d", float("nan")),
    "header of zeros": bytes(MAX_HEADER),
    "60000 integers in params": b"\x82\xa4type\xa7request\xa6params\x81\xa1a\xdd\x00\x00\xea\x60" + b"\x01" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers(name: str) -> None:
    """Counts that lie, depth without end, keys that cannot be keys: refused, by a sentence of the usual kind."""
    assert swallow([MAGIC, HOSTILE[name], b""]) is None


def test_the_id_survives_what_is_wrong_with_the_rest() -> None:
    """A sender that gave an id learns which message was refused, even one of unknown type."""
    for header in ({"type": "sing", "id": ID}, {"type": "request", "id": ID}, {"type": "control", "id": ID}):
        with pytest.raises(HushdError) as caught:
            DECODERS[0].decode(msgpack.packb(header))
        assert caught.value.detail == {"id": ID}
    for bad in (b"short", "x" * ID_BYTES, None, 4):
        with pytest.raises(HushdError) as caught:
            DECODERS[0].decode(msgpack.packb({"type": "sing", "id": bad}))
        assert caught.value.detail == {}

"""The worst that arrives is a HushdError of one sentence; what chance makes of messages: fuzzing/wire.py."""

from __future__ import annotations

import struct

import msgpack
import pytest
from hushd_protocol import messages
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import ID_BYTES, MAGIC, MAX_HEADER
from hushd_protocol.messages import Error, Message

ID = bytes(range(ID_BYTES))
DECODERS = [
    Decoder(kinds) for kinds in (messages.FROM_CLIENT, messages.TO_CLIENT, messages.FROM_WORKER, messages.TO_WORKER)
]


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

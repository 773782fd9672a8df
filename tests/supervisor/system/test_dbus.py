"""D-Bus's wire format, as far as the supervisor needs it."""

from __future__ import annotations

import random
import struct

import pytest
from hushd_supervisor.system import dbus


def test_a_call_as_others_write_it() -> None:
    """The bytes are those of the specification: a header of fields, each aligned to 8, and the strings after it."""
    data = dbus.call(1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")
    assert data == bytes.fromhex(
        "6c01000100000000010000006d000000"
        "01016f00150000002f6f72672f667265656465736b746f702f44427573000000"
        "02017300140000006f72672e667265656465736b746f702e4442757300000000"
        "030173000500000048656c6c6f000000"
        "06017300140000006f72672e667265656465736b746f702e4442757300000000"
    )


def test_messages_come_in_pieces() -> None:
    """Each is read once it is complete, whatever the pieces."""
    sent = [dbus.call(n, "a.b", "/a", "a.b", "C", "x" * n, "ä") for n in range(1, 40)]
    stream, found = b"".join(sent), []
    dice, buffer = random.Random(1), bytearray()
    while stream:
        size = dice.randint(1, 50)
        buffer += stream[:size]
        stream = stream[size:]
        found += list(dbus.decode(buffer))
    assert [message.serial for message in found] == list(range(1, 40))
    assert found[6].fields == {
        "path": "/a", "interface": "a.b", "member": "C", "destination": "a.b", "signature": "ss",
    }  # fmt: skip
    assert found[6].body == struct.pack("<I", 7) + b"x" * 7 + b"\0" + struct.pack("<I", 2) + "ä\0".encode()


def test_the_other_order_of_bytes() -> None:
    """A bus on another machine may send it."""
    head = b"\x08\x01g\0\x01b\0"
    data = b"B" + struct.pack(">BBBIII", 4, 0, 1, 4, 9, len(head)) + head + b"\0" + struct.pack(">I", 1)
    (message,) = dbus.decode(bytearray(data))
    assert (message.kind, message.serial, message.fields) == (dbus.SIGNAL, 9, {"signature": "b"})


def test_nonsense_is_an_error_and_nothing_else() -> None:
    """Damaged messages end in ValueError, or wait for more."""
    dice = random.Random(7)
    whole = dbus.call(3, "org.a.b", "/org/a", "org.a.b", "Member", "text")
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            list(dbus.decode(data))
        except ValueError:
            pass
    with pytest.raises(ValueError, match="too large"):
        list(dbus.decode(bytearray(b"l\x01\0\x01" + b"\xff" * 12)))

"""The part of D-Bus's wire format that `sleep` needs: encoding calls with string arguments, decoding messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
_FIELDS = {
    1: "path", 2: "interface", 3: "member", 5: "reply_to", 6: "destination", 7: "sender", 8: "signature", 9: "fds",
}  # fmt: skip
_HEAD = 16  # bytes before the header's fields
MAX_MESSAGE = 1 << 20  # bytes that are read; the bus's own messages are far smaller


class Message(NamedTuple):
    """A message: its kind and serial, its header's fields by name, and its body in the sender's byte order."""

    kind: int
    serial: int
    fields: dict[str, str | int]
    body: bytes


def encode(kind: int, serial: int, fields: dict[str, str | int], body: bytes = b"") -> bytes:
    """Encodes a message, little-endian."""
    codes = {name: code for code, name in _FIELDS.items()}
    head = b""
    for name, value in fields.items():
        head += bytes(-len(head) % 8) + bytes([codes[name], 1]) + _variant(name, value)
    start = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), serial, len(head))
    return start + head + bytes(-(len(start) + len(head)) % 8) + body


def call(serial: int, destination: str, path: str, interface: str, member: str, *arguments: str) -> bytes:
    """Encodes a method call with string arguments."""
    fields: dict[str, str | int] = {"path": path, "interface": interface, "member": member, "destination": destination}
    if arguments:
        fields["signature"] = "s" * len(arguments)
    body = b""
    for argument in arguments:
        body += bytes(-len(body) % 4) + _string(argument)
    return encode(CALL, serial, fields, body)


def decode(buffer: bytearray) -> Iterator[Message]:
    """Yields the complete messages at the start of `buffer`, and removes them.

    Raises:
        ValueError: it is not a message, or it is too large.
    """
    while len(buffer) >= _HEAD:
        order = {b"l": "<", b"B": ">"}.get(bytes(buffer[:1]), "")
        if not order:
            raise ValueError("this is not a D-Bus message")
        kind, _, _, size, serial, fields = struct.unpack_from(order + "BBBIII", buffer, 1)
        start = _HEAD + fields + -fields % 8
        if start + size > MAX_MESSAGE:
            raise ValueError("a D-Bus message is too large")
        if len(buffer) < start + size:
            return
        try:
            message = Message(
                kind, serial, _header(bytes(buffer[:start]), order, fields), bytes(buffer[start : start + size])
            )
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ValueError("a D-Bus message has a damaged header") from error
        del buffer[: start + size]
        yield message


def _header(data: bytes, order: str, size: int) -> dict[str, str | int]:
    fields: dict[str, str | int] = {}
    at = _HEAD
    while at < _HEAD + size:
        code, length = data[at], data[at + 1]
        kind = data[at + 2 : at + 2 + length].decode()
        at += 3 + length
        value: str | int
        if kind == "g":
            value = data[at + 1 : at + 1 + data[at]].decode()
            at += 2 + data[at]
        else:
            at += -at % 4
            (number,) = struct.unpack_from(order + "I", data, at)
            at += 4
            value = number
            if kind in ("s", "o"):
                value = data[at : at + number].decode()
                at += number + 1
            elif kind != "u":
                raise IndexError(kind)
        fields[_FIELDS.get(code, str(code))] = value
        at += -at % 8
    return fields


def _variant(name: str, value: str | int) -> bytes:
    """Encodes a header field's signature and value, without the 2 bytes that precede them in their struct."""
    if isinstance(value, int):
        return b"u\0" + struct.pack("<I", value)
    if name == "signature":
        return b"g\0" + bytes([len(value)]) + value.encode() + b"\0"
    return (b"o\0" if name == "path" else b"s\0") + _string(value)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data + b"\0"

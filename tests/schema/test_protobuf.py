"""Fields of protobuf's encoding, written and read."""

from __future__ import annotations

import pytest
from hushd_schema.engines.protobuf import bytes_field, fields, read_varint, varint

NUMBERS = (0, 1, 127, 128, 300, 16_383, 16_384, 2**32, 2**63 - 1)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    """It has seven bits a byte, and the place behind it is that of the next one."""
    written = varint(number)
    assert len(written) == max(1, -(-number.bit_length() // 7))
    assert read_varint(b"?" + written + b"?", 1, 9 + len(written)) == (number, 1 + len(written))


def test_a_field_is_read_as_it_was_written() -> None:
    """A long content, and one with a high number, stand beside a number and two of a fixed size."""
    parts = [
        bytes_field(1, b"short"), bytes_field(2_000, b"x" * 300), varint(3 << 3) + varint(1_000),
        varint(4 << 3 | 1) + bytes(8), varint(5 << 3 | 5) + bytes(4),
    ]  # fmt: skip
    data = b"".join(parts)
    found = list(fields(data, 0, len(data)))
    assert [each.number for each in found] == [1, 2_000, 3, 4, 5]
    assert [data[each.begin : each.end] for each in found] == parts
    assert [each.end - each.content for each in found] == [5, 300, 2, 8, 4]


@pytest.mark.parametrize("damaged", [
    bytes_field(1, b"short")[:-1], varint(3 << 3), varint(4 << 3 | 1) + bytes(7), varint(1 << 3 | 3), b"\x80" * 11,
    bytes_field(0, b""), varint(1 << 3 | 2) + varint(2**40),
])  # fmt: skip
def test_a_damaged_message_is_an_error(damaged: bytes) -> None:
    """One that is cut off, has an unknown kind of field or no number, or says that it is longer than its file."""
    with pytest.raises(ValueError, match="there is no valid protobuf"):
        list(fields(damaged, 0, len(damaged)))

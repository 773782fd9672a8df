"""Sizes of memory as people write them."""

from __future__ import annotations

import pytest
from hushd_protocol.size import parse


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("12G", 12 * 10**9), ("500MB", 500 * 10**6), ("1.5 g", 1_500_000_000), (" .5t ", 5 * 10**11),
        ("12GiB", 12 * 2**30), ("11Gi", 11 * 2**30), ("7", 7), ("0", 0), (5, 5), (1.0, 1),
    ],
)  # fmt: skip
def test_sizes(text: object, size: int) -> None:
    """Powers of 1000, as all of hushd's sizes; with an i powers of 1024."""
    assert parse(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "12X", "1e9", "-1", "1 2", "9" * 400, None, True, [], -1, float("nan"), 2**60]
)
def test_what_is_no_size(text: object) -> None:
    """It is None, for the caller to say so."""
    assert parse(text) is None

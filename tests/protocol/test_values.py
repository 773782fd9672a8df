"""The sentence about a value from outside that does not fit, in a user's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import pytest
from hushd_protocol.values import Misfit, misfit
from msgspec import Meta


class Row(msgspec.Struct):
    name: str
    pid: int | None = None
    held: Mapping[str, float] = msgspec.field(default_factory=dict)
    port: Annotated[int, Meta(ge=1, le=9)] = 1
    key: Annotated[bytes, Meta(min_length=2)] = b"ab"


class Table(msgspec.Struct):
    rows: list[Row]


@pytest.mark.parametrize(("row", "path", "must_be", "value"), [
    ({"name": 5}, "rows.0.name", "text", 5),
    ({"name": "a", "pid": "b"}, "rows.0.pid", "a whole number or nothing", "b"),
    ({"name": "a", "port": 0}, "rows.0.port", "a whole number of at least 1", 0),
    ({"name": "a", "port": 10}, "rows.0.port", "a whole number of at most 9", 10),
    ({"name": "a", "key": b""}, "rows.0.key", "bytes of length at least 2", b""),
    ({"name": "a", "held": {"x.y`[": True}}, "rows.0.held", "a map whose values are a number", {"x.y`[": True}),
    ({"name": "a", "held": {5: 1.0}}, "rows.0.held", "a map whose keys are text", {5: 1.0}),
    ([], "rows.0", "a map", []),
])  # fmt: skip
def test_a_value_is_named_with_its_kind(row: Any, path: str, must_be: str, value: Any) -> None:
    """The way to it, what it must be, and the value itself."""
    data = {"rows": [row]}
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, Table, builtin_types=(bytes,))
    found = misfit(caught.value)
    assert (".".join(found.path), found.must_be, found.found(data)) == (path, must_be, value)


def test_a_missing_key_is_named() -> None:
    """It is the last of the way."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({}, Row)
    assert misfit(caught.value) == Misfit(("name",), "there", missing=True)

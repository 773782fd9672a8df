"""A client that asks for the engines thousands of times is refused beyond a number, and another is not."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control
from hushd_supervisor.core.directory import MAX_ASKED, Directory


def test_very_many_describes_of_one_client_are_refused_and_another_clients_is_not() -> None:
    """Only so many of a connection wait at a time; once they are answered it may ask again."""
    directory = Directory()
    for number in range(MAX_ASKED):
        directory.describe(b"greedy", Control(id=number.to_bytes(16, "big"), action="describe", names=["stt"]))
    control = Control(id=bytes(16), action="describe", names=["stt"])
    with pytest.raises(HushdError, match="wait already") as caught:
        directory.describe(b"greedy", control)
    assert caught.value.code == "overloaded"
    directory.describe(b"good", control)
    out, _ = directory.described("stt", {"engines": []}, "")
    assert len(out) == MAX_ASKED + 1
    directory.describe(b"greedy", control)

"""The items of a realtime session, without a session."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_gateway.http.errors import ApiError
from hushd_gateway.http.realtime.items import Items


def message(name: str, text: str = "", role: str = "user") -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}] if text else []
    return {"id": name, "type": "message", "role": role, "content": content}


def test_an_item_has_the_place_that_the_program_names() -> None:
    """At the end, behind another one, or before all; the answer names the item before it."""
    kept = Items()
    assert kept.add(message("a")) is None
    assert kept.add(message("c")) == "a"
    assert kept.add(message("b"), "a") == "a"
    assert kept.add(message("first"), "root") is None
    assert kept.add(message("d")) == "c"
    assert kept.add(message("a"), "a") == "d"  # sent again, behind itself: it is the last one now
    with pytest.raises(ApiError) as refused:
        kept.add(message("e"), "nowhere")
    assert refused.value.code == "item_create_invalid_item_id"


def test_what_was_deleted_is_not_read_aloud() -> None:
    """Nor can it be retrieved; text replaced under its name is read once."""
    kept = Items()
    for name in "abc":
        kept.create(message(name, f"This is {name}."), None)
    kept.create(message("c", "This is another."), None)
    kept.delete("b")
    assert kept.unread == ["This is a.", "This is another."]
    kept.all_read()
    assert kept.unread == []
    assert kept.find("a", "retrieve")["content"][0]["text"] == "This is a."
    for unknown in ("b", None, 7, {}):
        with pytest.raises(ApiError) as refused:
            kept.find(unknown, "retrieve")
        assert (refused.value.status, refused.value.code) == (400, "item_retrieve_invalid_item_id")

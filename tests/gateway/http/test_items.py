"""The items of a realtime session, without a session."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_gateway.http.errors import ApiError
from hushd_gateway.http.realtime import items
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


def test_only_a_response_is_truncated() -> None:
    """Its transcript goes, since nobody knows how much of it was heard."""
    kept = Items()
    kept.add(message("mine", "Hello."))
    kept.add({**message("yours", role="assistant"), "content": [{"type": "output_audio", "transcript": "Hello."}]})
    kept.truncate("yours")
    assert kept.find("yours", "retrieve")["content"] == [{"type": "output_audio"}]
    with pytest.raises(ApiError, match="Only a response"):
        kept.truncate("mine")


def test_a_long_session_forgets_its_oldest_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by size, but never what a response is still to read aloud."""
    monkeypatch.setattr(items, "MAX_ITEMS", 5)
    kept = Items()
    kept.create(message("unread", "Read me."), None)
    for number in range(20):
        kept.add(message(f"item{number}"))
    assert kept.unread == ["Read me."]
    assert kept.find("unread", "retrieve")
    assert kept.find("item19", "retrieve")
    with pytest.raises(ApiError):
        kept.find("item15", "retrieve")
    monkeypatch.setattr(items, "MAX_CHARS", 700)
    kept.add(message("long", "x" * 400))
    kept.add(message("longer", "x" * 400))
    assert kept.find("longer", "retrieve")
    kept.add(message("too long", "x" * 4000), "root")
    with pytest.raises(ApiError):
        kept.find("too long", "retrieve")
    assert kept.unread == ["Read me."]


def test_an_item_that_is_gone_stays_gone() -> None:
    """A turn that is transcribed after its item was deleted brings nothing back."""
    kept = Items()
    kept.add(message("turn"))
    kept.transcribed("turn", "Good morning.")
    assert kept.find("turn", "retrieve")["content"] == [{"type": "input_audio", "transcript": "Good morning."}]
    kept.delete("turn")
    kept.transcribed("turn", "Good morning.")
    with pytest.raises(ApiError):
        kept.find("turn", "retrieve")

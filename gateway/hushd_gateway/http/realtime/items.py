"""The items of a session's conversation, in their order. Pure.

A session may last for days: the oldest items are forgotten, except those that a response has yet to read aloud.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Mapping
from typing import Any

from hushd_protocol import JsonObject

from ..errors import ApiError, bad

Item = JsonObject
MAX_ITEMS = 2000  # items
MAX_CHARS = 512 * 1024  # characters of all of them, as JSON
MAX_UNREAD = 1000  # unread items, which no response has read aloud yet,
MAX_UNREAD_CHARS = 256 * 1024  # and the characters in them: four hours of speech
_TEXTS = ("input_text", "output_text", "text")
_ROOT = "root"  # OpenAI's name for the place before all items


class Items:
    """Names the items of a session, and keeps the newest."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._items: dict[str, Item] = {}
        self._sizes: dict[str, int] = {}
        self._unread: dict[str, str] = {}  # texts by name

    def name(self) -> str:
        """Returns a new, unique name."""
        return f"item_{self._start}{next(self._numbers):06d}"

    def add(self, item: Item, after: Any = None) -> str | None:
        """Adds an item at the end, or after another one; returns the preceding item's name.

        Raises:
            ApiError: there is no item of the name `after`.
        """
        if after not in (None, _ROOT):
            self.find(after, "create")
        self._items.pop(item["id"], None)
        self._unread.pop(item["id"], None)
        names = list(self._items)
        index = 0 if after == _ROOT else names.index(after) + 1 if after in names else len(names)
        later = {name: self._items.pop(name) for name in names[index:]}
        self._items[item["id"]] = item
        self._items |= later
        self.update(item)
        return names[index - 1] if index else None

    def create(self, item: Item, after: Any) -> str | None:
        """Adds an item of the program's, whose text the next response reads aloud; returns the same as `add`.

        Raises:
            ApiError: there is no item `after`, or too much waits already.
        """
        text = text_of(item)
        if text and (
            sum(map(len, self._unread.values())) + len(text) > MAX_UNREAD_CHARS or len(self._unread) >= MAX_UNREAD
        ):
            raise bad(
                f"At most {MAX_UNREAD_CHARS // 1024} KB of text in {MAX_UNREAD} items wait for a response: "
                "send response.create.",
                "item",
            )
        before = self.add(item, after)
        if text:
            self._unread[item["id"]] = text
        return before

    def update(self, item: Item) -> None:
        """Replaces an item, if it still exists."""
        if item["id"] not in self._items:
            return
        self._items[item["id"]] = item
        self._sizes[item["id"]] = len(json.dumps(item, ensure_ascii=False))
        while len(self._items) > MAX_ITEMS or sum(self._sizes.values()) > MAX_CHARS:
            self._forget(next((name for name in self._items if name not in self._unread), item["id"]))

    def find(self, name: Any, action: str) -> Item:
        """Returns the item of this name, for an `action` on it.

        Raises:
            ApiError: there is none.
        """
        if not isinstance(name, str) or name not in self._items:
            raise ApiError(400, "This session has no such item.", "item_id", f"item_{action}_invalid_item_id")
        return self._items[name]

    def delete(self, name: Any) -> None:
        """Removes an item; its text is no longer read aloud."""
        self.find(name, "delete")
        self._forget(name)

    def truncate(self, name: Any) -> None:
        """Removes the text of a truncated response: how much of it was heard is unknown.

        Raises:
            ApiError: there is no such item, or it is not a response's.
        """
        item = self.find(name, "truncate")
        if item.get("role") != "assistant":
            raise ApiError(400, "Only a response can be truncated.", "item_id", "item_truncate_invalid_item_id")
        content = [{key: value for key, value in part.items() if key != "transcript"} for part in _parts(item)]
        self.update({**item, "content": content})

    def transcribed(self, name: str, transcript: str) -> None:
        """Stores the text of a turn."""
        if name in self._items:
            self.update({**self._items[name], "content": [{"type": "input_audio", "transcript": transcript}]})

    @property
    def unread(self) -> list[str]:
        """Returns the texts that no response has read aloud."""
        return list(self._unread.values())

    def all_read(self) -> None:
        """Marks all items as read aloud."""
        self._unread.clear()

    def _forget(self, name: str) -> None:
        del self._items[name], self._sizes[name]
        self._unread.pop(name, None)


def text_of(item: Any) -> str:
    """Returns the text of an item of type `message`; empty for other types."""
    texts = [part.get("text") for part in _parts(item) if part.get("type") in _TEXTS]
    return " ".join(text for text in texts if isinstance(text, str))


def _parts(item: Any) -> list[Mapping[str, Any]]:
    content = item.get("content") if isinstance(item, Mapping) else None
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []

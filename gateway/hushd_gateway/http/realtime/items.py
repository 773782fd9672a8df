"""The items of a session's conversation, in their order. Pure.

A session may last for days: the oldest items are forgotten, but for those that a response is still to read aloud.
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
MOST = 2000  # items
ROOM = 512 * 1024  # characters of all of them, as JSON
WAITING = 1000  # items that no response has read yet,
UNREAD = 256 * 1024  # and the characters in them: four hours of speech
_TEXTS = ("input_text", "output_text", "text")
_ROOT = "root"  # before all items, as OpenAI names it


class Items:
    """Names the items of a session, and keeps the youngest of them."""

    def __init__(self) -> None:
        self._start = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._items: dict[str, Item] = {}
        self._sizes: dict[str, int] = {}
        self._unread: dict[str, str] = {}  # texts by name

    def name(self) -> str:
        """A name that no other item has."""
        return f"item_{self._start}{next(self._numbers):06d}"

    def add(self, item: Item, after: Any = None) -> str | None:
        """Adds an item at the end, or after another one; returns the name of the one before it.

        Raises:
            ApiError: there is no item `after`.
        """
        if after not in (None, _ROOT):
            self.find(after, "create")
        self._items.pop(item["id"], None)
        self._unread.pop(item["id"], None)
        names = list(self._items)
        place = 0 if after == _ROOT else names.index(after) + 1 if after in names else len(names)
        later = {name: self._items.pop(name) for name in names[place:]}
        self._items[item["id"]] = item
        self._items |= later
        self.update(item)
        return names[place - 1] if place else None

    def create(self, item: Item, after: Any) -> str | None:
        """Adds an item of the program's, whose text the next response reads aloud; returns as `add`.

        Raises:
            ApiError: there is no item `after`, or too much waits already.
        """
        text = text_of(item)
        if text and (sum(map(len, self._unread.values())) + len(text) > UNREAD or len(self._unread) >= WAITING):
            raise bad(
                f"At most {UNREAD // 1024} KB of text in {WAITING} items wait for a response: send response.create.",
                "item",
            )
        before = self.add(item, after)
        if text:
            self._unread[item["id"]] = text
        return before

    def update(self, item: Item) -> None:
        """Keeps what an item has become, if it is still there."""
        if item["id"] not in self._items:
            return
        self._items[item["id"]] = item
        self._sizes[item["id"]] = len(json.dumps(item, ensure_ascii=False))
        while len(self._items) > MOST or sum(self._sizes.values()) > ROOM:
            self._forget(next((name for name in self._items if name not in self._unread), item["id"]))

    def find(self, name: Any, action: str) -> Item:
        """The item of that name, for an `action` on it.

        Raises:
            ApiError: there is none.
        """
        if not isinstance(name, str) or name not in self._items:
            raise ApiError(400, "This session has no such item.", "item_id", f"item_{action}_invalid_item_id")
        return self._items[name]

    def delete(self, name: Any) -> None:
        """Takes an item out; none of it is read aloud any more."""
        self.find(name, "delete")
        self._forget(name)

    def truncate(self, name: Any) -> None:
        """Takes back the text of a response, of which nobody knows how much was heard.

        Raises:
            ApiError: there is none, or it is not the text of a response.
        """
        item = self.find(name, "truncate")
        if item.get("role") != "assistant":
            raise ApiError(400, "Only a response can be truncated.", "item_id", "item_truncate_invalid_item_id")
        content = [{key: value for key, value in part.items() if key != "transcript"} for part in _parts(item)]
        self.update({**item, "content": content})

    def transcribed(self, name: str, transcript: str) -> None:
        """Keeps the text of a turn."""
        if name in self._items:
            self.update({**self._items[name], "content": [{"type": "input_audio", "transcript": transcript}]})

    @property
    def unread(self) -> list[str]:
        """The texts that no response has read."""
        return list(self._unread.values())

    def all_read(self) -> None:
        """Forgets which items wait for a response."""
        self._unread.clear()

    def _forget(self, name: str) -> None:
        del self._items[name], self._sizes[name]
        self._unread.pop(name, None)


def text_of(item: Any) -> str:
    """The text of an item of the type `message`; empty for anything else."""
    texts = [part.get("text") for part in _parts(item) if part.get("type") in _TEXTS]
    return " ".join(text for text in texts if isinstance(text, str))


def _parts(item: Any) -> list[Mapping[str, Any]]:
    content = item.get("content") if isinstance(item, Mapping) else None
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []

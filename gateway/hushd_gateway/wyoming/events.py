"""Reads Wyoming's events, a line of JSON, more data and a payload, bounded in size and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hushd.transport.source import utf8
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.kinds import check
from hushd_schema.operations import Operation
from wyoming.event import Event

EVENT_TIMEOUT_S = 600.0  # seconds until the next event begins
EVENT_S = 20.0  # seconds for the rest of an event
MAX_EVENT_DATA_BYTES = 256 * 1024  # bytes
MAX_EVENT_PAYLOAD_BYTES = 1024 * 1024


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Returns the next event, or None at the end; like `wyoming.event.async_read_event`, but bounded.

    Raises:
        HushdError: `bad_request` if it is not an event, has an incomplete character, or is too large.
        TimeoutError: no event has begun for `EVENT_TIMEOUT_S`, or one is incomplete for `EVENT_S`.
        asyncio.IncompleteReadError: the program has disconnected within an event.
    """
    try:
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            first = await reader.read(1)
        if not first:
            return None
        async with asyncio.timeout(EVENT_S):
            return await _read_event(first, reader)
    except (ValueError, RecursionError):
        raise HushdError("bad_request", "This is not an event of Wyoming, or it is too large.") from None


def text(event: Event) -> str:
    """Returns the text of an event. Raises `bad_request` if it has no text."""
    words = event.data.get("text")
    if not isinstance(words, str):
        raise HushdError("bad_request", f"The event {event.type} has no text.")
    return words


def parameters(operation: Operation, data: Mapping[str, Any]) -> JsonObject:
    """Returns an operation's fields among an event's data; empty ones and those of a wrong kind are left out."""
    fields: JsonObject = {}
    for field, name in operation.names_in("wyoming").items():
        value: object = data
        for key in (name.name or field).split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value:
            with suppress(HushdError):
                fields[field] = check(field, value, operation.fields[field].kind)
    return fields


async def _read_event(first: bytes, reader: asyncio.StreamReader) -> Event:
    head = _object(first + await reader.readline())
    data = head.get("data") or {}
    length = _length(head, "data_length", MAX_EVENT_DATA_BYTES)
    payload = _length(head, "payload_length", MAX_EVENT_PAYLOAD_BYTES)
    if not isinstance(data, dict) or not isinstance(head.get("type"), str):
        raise ValueError("no event")
    if length:
        data |= _object(await _exactly(reader, length))
    return Event(head["type"], data, await _exactly(reader, payload))


async def _exactly(reader: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError:
        pass  # the error would keep the received data, and all that refers to it, for a while
    raise asyncio.IncompleteReadError(b"", size)


def _object(line: bytes) -> JsonObject:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("no object")
    if b"\\u" in line:
        utf8(json.dumps(data, ensure_ascii=False))
    return data


def _length(head: JsonObject, name: str, most: int) -> int:
    length = head.get(name) or 0
    if type(length) is not int or not 0 <= length <= most:
        raise ValueError(name)
    return length

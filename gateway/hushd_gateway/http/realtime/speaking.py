"""Reads text aloud in a realtime session: one response, as events."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from hushd_protocol.errors import HushdError

from ..context import Context
from ..errors import ApiError, bad
from ..speech import synthesize
from .audio import Encoder
from .session import coding

Event = dict[str, Any]
_TEXTS = ("input_text", "output_text", "text")


def text_of(item: Any) -> str:
    """The text of an item of the type `message`; empty for anything else."""
    content = item.get("content") if isinstance(item, Mapping) else None
    parts = content if isinstance(content, list) else []
    found = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") in _TEXTS]
    return " ".join(each for each in found if isinstance(each, str))


def text_to_read(response: Mapping[str, Any], unread: list[str]) -> str:
    """The text of `response.create`: its `input`, or the items since the last response, or its `instructions`."""
    given = response.get("input")
    texts = [text_of(item) for item in given] if isinstance(given, list) else list(unread)
    found = "\n".join(filter(None, texts)) or response.get("instructions") or ""
    if not isinstance(found, str) or not found.strip():
        raise bad("There is nothing to read aloud: give response.input a message with input_text.", "response.input")
    return found


class Speaking:
    """One response.

    Args:
        output: `audio.output` of the session, with what the response changes.
    """

    def __init__(self, there: Context, text: str, output: Mapping[str, Any]) -> None:
        self._there = there
        self._text = text
        self._output = output
        self.name = f"resp_{secrets.token_hex(8)}"
        self._item = f"item_{secrets.token_hex(8)}"
        self._place = {"response_id": self.name, "item_id": self._item, "output_index": 0, "content_index": 0}

    async def events(self) -> AsyncIterator[Event]:
        """Yields the events of the response while it is spoken."""
        yield {"type": "response.created", "response": self._response("in_progress")}
        output = {"response_id": self.name, "output_index": 0}
        yield {"type": "response.output_item.added", **output, "item": self._message("in_progress")}
        yield {"type": "conversation.item.added", "previous_item_id": None, "item": self._message("in_progress")}
        part = {"type": "audio", "transcript": ""}
        yield {"type": "response.content_part.added", **self._place, "part": part}
        try:
            async with aclosing(self._audio()) as pieces:  # type: ignore[type-var]
                yield {"type": "response.output_audio_transcript.delta", **self._place, "delta": self._text}
                async for piece in pieces:
                    delta = base64.b64encode(piece).decode()
                    yield {"type": "response.output_audio.delta", **self._place, "delta": delta}
        except (HushdError, ApiError) as error:
            known = error if isinstance(error, ApiError) else ApiError.of(error)
            yield {
                "type": "response.done",
                "response": self._response("failed", {"type": "failed", "error": known.data()}),
            }
            return
        yield {"type": "response.output_audio.done", **self._place}
        yield {"type": "response.output_audio_transcript.done", **self._place, "transcript": self._text}
        yield {"type": "response.content_part.done", **self._place, "part": {**part, "transcript": self._text}}
        yield {"type": "response.output_item.done", **output, "item": self._message("completed")}
        yield {"type": "conversation.item.done", "previous_item_id": None, "item": self._message("completed")}
        yield {"type": "response.done", "response": self._response("completed")}

    def cancelled(self) -> Event:
        """The event that ends a response which the program has cancelled."""
        details = {"type": "cancelled", "reason": "client_cancelled"}
        return {"type": "response.done", "response": self._response("cancelled", details)}

    async def _audio(self) -> AsyncIterator[bytes]:
        kind, rate = coding(self._output)
        data = {
            "input": self._text,
            "voice": self._output.get("voice"),
            "speed": self._output.get("speed"),
            "model": self._output.get("model"),
            "sample_rate": rate,
        }
        encoder = Encoder(kind)
        async with aclosing(await synthesize(self._there, data, "pcm")) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if coded := encoder.encode(piece):
                    yield coded

    def _response(self, status: str, details: Event | None = None) -> Event:
        return {
            "id": self.name,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [self._message(status)] if status == "completed" else [],
            "output_modalities": ["audio"],
            "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0} if status == "completed" else None,
        }

    def _message(self, status: str) -> Event:
        content = [{"type": "output_audio", "transcript": self._text}] if status == "completed" else []
        return {
            "id": self._item,
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

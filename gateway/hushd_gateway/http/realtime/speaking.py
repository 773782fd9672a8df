"""Reads text aloud in a realtime session: the events of one response."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError

from ..context import Context
from ..errors import ApiError, bad
from ..speech import PARAMETERS, synthesize
from .audio import Encoder
from .items import Items, text_of
from .session import coding

Event = JsonObject


def text_to_read(response: Mapping[str, Any], unread: list[str]) -> str:
    """Returns the text to read aloud: `input` of the response, or the items since the last one, or `instructions`."""
    given = response.get("input")
    texts = [text_of(item) for item in given] if isinstance(given, list) else list(unread)
    text = "\n".join(filter(None, texts)) or response.get("instructions") or ""
    if not isinstance(text, str) or not text.strip():
        raise bad("There is nothing to read aloud: give response.input a message with input_text.", "response.input")
    return text


class Speaking:
    """One response.

    Args:
        output: `audio.output` of the session, with the response's changes.
        aloud: whether it is spoken; else it consists of its text.
        metadata: from the program, which recognises the response by it.
    """

    def __init__(
        self,
        shared: Context,
        items: Items,
        text: str,
        output: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        *,
        aloud: bool = True,
    ) -> None:
        self._shared = shared
        self._items = items
        self._aloud = aloud
        self._metadata = metadata
        self._text = text
        self._output = output
        self.name = f"resp_{secrets.token_hex(8)}"
        self._item = f"item_{secrets.token_hex(8)}"
        self._ids = {"response_id": self.name, "item_id": self._item, "output_index": 0, "content_index": 0}

    async def events(self) -> AsyncIterator[Event]:
        """Yields the events of the response while it is spoken."""
        yield {"type": "response.created", "response": self._response("in_progress")}
        output = {"response_id": self.name, "output_index": 0}
        item = self._message("in_progress")
        preceding = self._items.add(item)
        yield {"type": "response.output_item.added", **output, "item": item}
        yield {"type": "conversation.item.added", "previous_item_id": preceding, "item": item}
        kind, text = ("audio", "transcript") if self._aloud else ("text", "text")
        yield {"type": "response.content_part.added", **self._ids, "part": {"type": kind, text: ""}}
        try:
            async with aclosing(self._audio_events() if self._aloud else self._written()) as events:  # type: ignore[type-var]
                async for event in events:
                    yield {**event, **self._ids}
        except (HushdError, ApiError) as error:
            api_error = error if isinstance(error, ApiError) else ApiError.of(error)
            self._items.update(self._message("incomplete"))
            yield {
                "type": "response.done",
                "response": self._response("failed", {"type": "failed", "error": api_error.data()}),
            }
            return
        item = self._message("completed")
        self._items.update(item)
        yield {"type": "response.content_part.done", **self._ids, "part": {"type": kind, text: self._text}}
        yield {"type": "response.output_item.done", **output, "item": item}
        yield {"type": "conversation.item.done", "previous_item_id": preceding, "item": item}
        yield {"type": "response.done", "response": self._response("completed")}

    def cancelled(self) -> Event:
        """Returns the event that ends a cancelled response."""
        self._items.update(self._message("incomplete"))
        details = {"type": "cancelled", "reason": "client_cancelled"}
        return {"type": "response.done", "response": self._response("cancelled", details)}

    async def _audio_events(self) -> AsyncIterator[Event]:
        async with aclosing(self._audio()) as pieces:  # type: ignore[type-var]
            yield {"type": "response.output_audio_transcript.delta", "delta": self._text}
            async for piece in pieces:
                yield {"type": "response.output_audio.delta", "delta": base64.b64encode(piece).decode()}
        yield {"type": "response.output_audio.done"}
        yield {"type": "response.output_audio_transcript.done", "transcript": self._text}

    async def _written(self) -> AsyncIterator[Event]:
        yield {"type": "response.output_text.delta", "delta": self._text}
        yield {"type": "response.output_text.done", "text": self._text}

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
        speech, _ = await synthesize(self._shared, PARAMETERS.check(data), "pcm")
        async with aclosing(speech):
            async for piece in speech:
                if coded := encoder.encode(piece):
                    yield coded

    def _response(self, status: str, details: Event | None = None) -> Event:
        return {
            "id": self.name,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [self._message(status)] if status == "completed" else [],
            "metadata": self._metadata,
            "output_modalities": ["audio" if self._aloud else "text"],
            "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0} if status == "completed" else None,
        }

    def _message(self, status: str) -> Event:
        kind, text = ("output_audio", "transcript") if self._aloud else ("output_text", "text")
        content = [{"type": kind, text: self._text}] if status != "in_progress" else []
        return {
            "id": self._item,
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

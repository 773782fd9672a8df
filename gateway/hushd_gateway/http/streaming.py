"""Answers that are sent while they are made."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

from hushd_protocol.errors import HushdError
from hushd_schema.results import ResultWarning
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import ApiError

WARNING_HEADER = "X-Hushd-Warning"


def warned(warnings: Iterable[ResultWarning]) -> dict[str, str]:
    """Returns the head's line with the sentences of warnings, if there are any."""
    text = " ".join(warning.message for warning in warnings)
    return {WARNING_HEADER: quote(text, " ,.:;()'")} if text else {}


class Streamed(Response):
    """Sends pieces as they are made; waits for the first one before it sends the status.

    So a request that fails before any output gets the status of its error. A later failure breaks the answer off, which
    an HTTP client sees; in a stream of events it is an event.
    """

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(None, 200, dict(headers or {}), media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:  # type: ignore[type-var]
            piece = await anext(pieces, b"")
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                while piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    piece = await anext(pieces, b"")
            except HushdError:
                return  # leaves out the last chunk, so that the answer is broken off
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def event(data: Mapping[str, Any]) -> bytes:
    """Returns a server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def events(source: AsyncIterator[Mapping[str, Any]]) -> Streamed:
    """Streams events; an error after the first one becomes the last event, as OpenAI's clients expect it."""
    return Streamed(_encoded(source), "text/event-stream", {"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def _encoded(source: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    begun = False
    async with aclosing(source) as events:  # type: ignore[type-var]
        try:
            async for data in events:
                yield event(data)
                begun = True
        except HushdError as error:
            if not begun:
                raise
            yield event({"type": "error", "error": ApiError.of(error).data()})

"""Answers a host's lines that are not messages: the SDK ignores them, and the host would wait forever."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any

from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError

_UNREADABLE = -32700  # JSON-RPC's parse error
_SENTENCE = "This is not a message of JSON-RPC: send JSON in one line, without lone surrogates."


class Answered:
    """The SDK's stream of received messages; answers unreadable ones.

    Args:
        read: yields messages, and exceptions for lines that are not messages.
        write: sends messages.
        line: returns the line that was read last, to which an exception belongs.
    """

    def __init__(self, read: Any, write: Any, line: Callable[[], str]) -> None:
        self._read = read
        self._write = write
        self._line = line

    @property
    def last_context(self) -> Any:
        """The context of the last sent message."""
        return self._read.last_context

    def __aiter__(self) -> Answered:
        return self

    async def __anext__(self) -> SessionMessage:
        while isinstance(item := await anext(self._read), Exception):
            error = ErrorData(code=_UNREADABLE, message=_SENTENCE)
            await self._write.send(SessionMessage(JSONRPCError(jsonrpc="2.0", id=_id(self._line()), error=error)))
        message: SessionMessage = item
        return message

    async def __aenter__(self) -> Answered:
        await self._read.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._read.__aexit__(kind, error, trace)

    async def aclose(self) -> None:
        await self._read.aclose()


def _id(line: str) -> str | int | None:
    """Returns the request id in an unreadable line, if it has one."""
    try:
        name = json.loads(line)["id"]
        str(name).encode()  # lone surrogates cannot be sent back
        return name if type(name) in (str, int) else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None

"""The SDK's streams of a host whose first line has been read, and answered, before they were there."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError


class Replayed:
    """The stream of received messages, which begins with a line.

    Args:
        line: of the host.
        read: the stream of all that comes after it.
    """

    def __init__(self, line: bytes, read: Any) -> None:
        self._line = line
        self._read = read

    @property
    def last_context(self) -> Any:
        """The context in which the last message was sent; None: that of whoever reads."""
        return self._read.last_context

    async def __anext__(self) -> SessionMessage | Exception:
        line, self._line = self._line.decode(errors="replace"), b""
        if not line:
            message: SessionMessage | Exception = await anext(self._read)
            return message
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValidationError as error:
            return error

    async def __aenter__(self) -> Replayed:
        await self._read.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._read.__aexit__(kind, error, trace)

    async def aclose(self) -> None:
        await self._read.aclose()


class Unrepeated:
    """The stream of sent messages, without the answer to a request that has one.

    Args:
        answered: the id of that request; None: there is none.
        write: sends messages.
    """

    def __init__(self, answered: str | int | None, write: Any) -> None:
        self._answered = answered
        self._write = write

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        if (
            self._answered is not None
            and isinstance(message, JSONRPCResponse | JSONRPCError)
            and message.id == self._answered
        ):
            self._answered = None
        else:
            await self._write.send(item)

    async def __aenter__(self) -> Unrepeated:
        await self._write.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._write.__aexit__(kind, error, trace)

    async def aclose(self) -> None:
        await self._write.aclose()

"""The connection of an asynchronous client, and requests on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from hushd_protocol.messages import Control, Request, Result

from hushd.transport import model_requests
from hushd.transport.call import new_id
from hushd.transport.connection import Connection
from hushd.transport.connector import CHANGES
from hushd.transport.link import Link, refuse_borrowed
from hushd.transport.source import Source

from .retry import AsyncRetryingCall, sending, with_connection
from .source import AsyncStream

if TYPE_CHECKING:
    from hushd_schema.model_result import ModelResult


class AsyncConnector:
    """A connection that is established when it is needed; a context manager. Args as for `hushd.Client`.

    The connection has one thread, which answers the supervisor and receives whatever comes even while the loop is
    blocked; calls have none. It belongs to no loop: one client serves several, one after the other.
    """

    def __init__(
        self,
        *,
        holder: str | None = None,
        start: bool = True,
        on_pull: model_requests.OnProgress | None = None,
        compute_device: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._link = Link(holder, start, compute_device, endpoint)
        self._on_pull = on_pull

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        await asyncio.to_thread(self._link.close)

    async def _connect(self) -> Connection:
        """Returns the connection; a thread makes a new one, and perhaps starts the supervisor, where there is none."""
        connection = self._link.current()
        return connection if connection is not None else await asyncio.to_thread(self._link.connect)

    async def _call(self, request: Request, input: Source | AsyncStream | None) -> AsyncRetryingCall:
        call = AsyncRetryingCall(self._connect, self._link.placed(request), self._link.sent(input), self._pull_missing)
        await call.begin()
        return call

    async def _connect_own(self) -> Connection:
        """As `Link.connect_own`."""
        connection = await self._connect()
        refuse_borrowed(connection)
        return connection

    async def _pull_missing(self, model: str) -> None:
        on_pull = self._on_pull
        report = on_pull and (lambda _, done, total: on_pull(model, done, total))
        await self._ask("pull", model_requests.pull_params(model), report)

    async def _change(
        self, op: str, params: dict[str, Any], on_progress: model_requests.OnProgress | None
    ) -> ModelResult:
        """As `_ask`, for what somebody has commanded, and not for what a request needs."""
        await self._connect_own()
        return await self._ask(op, params, on_progress)

    async def _ask(self, op: str, params: dict[str, Any], on_progress: model_requests.OnProgress | None) -> ModelResult:
        """As `model_requests.ask`."""
        call = AsyncRetryingCall(self._connect, model_requests.request(op, params), None)
        await call.begin()
        report = model_requests.Report(on_progress)
        async for message in call:
            if isinstance(message, Result):
                return model_requests.result(message)
            report(message)
        raise AssertionError("a call ends with a result")

    async def _control(self, action: str, *names: str, **options: Any) -> dict[str, Any]:
        async def ask(connection: Connection) -> Result:
            message = Control(id=new_id(), action=action, names=list(names), **options)
            return await (await sending(message)(connection)).last_message()

        return (await with_connection(self._connect_own if action in CHANGES else self._connect, ask)).data

"""`x-request-id`: each answer names its request, as OpenAI's do, by its id in the supervisor's log."""

from __future__ import annotations

import os

from hushd.transport.call import beginning_of_ids
from hushd_protocol.system.log_files import SHORT_ID_BYTES, short_id
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-request-id"


class NamesRequests:
    """Gives each HTTP request an id, which prefixes the ids of its requests to the supervisor."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = os.urandom(SHORT_ID_BYTES)
        scope["request_id"] = name = short_id(request)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER.encode(), name.encode())]
            await send(message)

        token = beginning_of_ids.set(request)
        try:
            await self._app(scope, receive, named)
        finally:
            beginning_of_ids.reset(token)

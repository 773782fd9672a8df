"""`/mcp`: passes the requests of agents on to the process for them, which the supervisor's door starts with the first.

Its socket is this user's alone, so that process believes what this module says of a request: whether it is of this
machine. A client that leaves closes its connection there, too; what that means is the protocol's matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.machinery import PathFinder

import h11
from hushd_models.installation import extra_command
from hushd_protocol.errors import HushdError
from hushd_protocol.system import uploads
from hushd_protocol.system.paths import find
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hushd_gateway import callers

from .body import Form, pieces
from .errors import ApiError, bad

_MESSAGE = 8 * 1024 * 1024  # bytes, as at standard input
_KEPT_S = 600.0  # seconds for which a recording that was sent for a call stays
_OWN = ("connection", "content-length", "date", "expect", "keep-alive", "server", "te", "trailer", "transfer-encoding")
_NOT_TOLD = (*_OWN, "authorization", "cookie", "upgrade", "x-api-key", uploads.LOCAL, uploads.PIPE)
_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-real-ip")  # headers of a proxy on this machine


class Relay:
    """The application at `/mcp`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not PathFinder.find_spec("mcp_types"):
            raise HushdError("engine_missing", f"/mcp needs the MCP SDK: {extra_command('mcp')}.")
        request, http = Request(scope, receive), h11.Connection(h11.CLIENT)
        writer = answer = None
        headers = [each for each in request.headers.raw if each[0].decode("latin-1") not in _NOT_TOLD]
        if _is_local(request):
            headers.append((uploads.LOCAL.encode(), b"1"))
        body = b"".join([piece async for piece in pieces(request, _MESSAGE)])
        headers.append((b"content-length", b"%d" % len(body)))
        try:
            reader, writer = await asyncio.open_unix_connection(find().agents_socket)
            for part in (h11.Request(method=request.method, target="/mcp", headers=headers), h11.Data(data=body)):
                writer.write(http.send(part) or b"")
            head = await _event(http, reader)
            if not isinstance(head, h11.Response):
                raise ConnectionError
            answer = StreamingResponse(_data(http, reader), head.status_code)
            answer.raw_headers = [each for each in head.headers if each[0].decode() not in _OWN]
            await answer(scope, receive, send)
        except (h11.RemoteProtocolError, OSError):  # it has ended; an answer that has begun breaks off
            if answer is None:
                raise ApiError(503, "The process for agents has ended: ask again in a moment.", retry_after=1) from None
        finally:
            if writer:
                writer.close()


async def keep(request: Request) -> Response:
    """Answers with the `path` by which a call of `hushd_transcribe` names the recording in a form."""
    uploads.sweep()
    with Form() as form:
        await form.read(request)
        if (path := form.leave(_KEPT_S)) is None:
            raise bad("Send a form with the recording in its field `file`.", "file")
    asyncio.get_running_loop().call_later(_KEPT_S + 1, uploads.sweep)  # if this process is still there
    return JSONResponse({"path": uploads.SCHEME + path.name})


def _is_local(request: Request) -> bool:
    """Returns whether a program of this user on this machine asks, and not for another as a proxy does."""
    ends = request.scope["client"], request.scope["server"]
    return not any(name in request.headers for name in _PROXIES) and callers.is_ours(*ends)


async def _event(http: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await reader.read(1 << 16))
    return event


async def _data(http: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while isinstance(event := await _event(http, reader), h11.Data):
        yield bytes(event.data)

"""`GET /v1/tuned`: the table of the last `hushd tune --voice` or `hushd tune DIR`, for the page.

It quotes what the user has said, which must not leave this machine. So only a program of the same user here gets it,
or one with the token; whoever may not have it is answered as if there were none.
"""

from __future__ import annotations

import asyncio
import os

from hushd_protocol import JsonObject, hosts
from hushd_protocol.system import paths, programs
from hushd_schema import comparison
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context

# A page of another origin, or a proxy that may answer another machine; a page of hushd's own sends none of these.
_OF_OTHERS = ("origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


async def show(request: Request) -> Response:
    """Answers with the comparison, or with null."""
    data = await asyncio.to_thread(_comparison, request)
    return JSONResponse({"comparison": data}, headers={"Cache-Control": "no-store"})


def _comparison(request: Request) -> JsonObject | None:
    known = comparison.read(paths.find().state) if _is_for_the_user(request) else None
    return known.data() if known else None


def _is_for_the_user(request: Request) -> bool:
    """Returns whether the answer stays on this machine, and goes to nobody else's program."""
    peer, local = request.client, request.scope.get("server")
    if peer is None or not hosts.is_loopback(peer.host.removeprefix("::ffff:")):
        return False
    if not hosts.is_loopback(request.url.hostname or "") or any(name in request.headers for name in _OF_OTHERS):
        return False
    return bool(context.of(request).token) or programs.user(peer, local) == os.getuid()

"""`GET /v1/tuned`: the table of the last `hushd tune --voice` or `hushd tune DIR`, for the page.

It quotes what the user has said, which must not leave this machine. So only a program of the same user here gets it,
or one with the token; whoever may not have it is answered as if there were none.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from hushd_protocol import JsonObject, hosts
from hushd_protocol.system import paths
from hushd_schema import comparison
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context

# A page of another origin, or a proxy that may answer another machine; a page of hushd's own sends none of these.
_OF_OTHERS = ("origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

_LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}  # as /proc writes them


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
    return bool(context.of(request).token) or _user(peer.port, local[1] if local else 0) == os.getuid()


def _user(peer: int, local: int) -> int | None:
    """Returns the user id of a local connection's other end, by both ports; None where the kernel does not tell it."""
    ports = f":{peer:04X}", f":{local:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError), open(table) as lines:
            for line in lines:
                _, end, other_end, _, _, _, _, user, *_ = line.split()
                if (end[-5:], other_end[-5:]) == ports and {end[:-5], other_end[:-5]} <= _LOOPBACK:
                    return int(user)
    return None

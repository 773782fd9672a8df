"""Serves the page's files, and the table that it shows to this machine's user alone.

The files contain nothing about this machine, so they need no token; the page asks for it. The policy lets the page load
its own scripts and style, connect to hushd alone, and be in no frame.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

from hushd_protocol import JsonObject, hosts
from hushd_protocol.system import paths
from hushd_schema import comparison
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import context

PAGE = "/"
_FOLDER = Path(__file__).with_name("page")
FILES = {PAGE: "page.html"} | {f"/{path.name}": path.name for path in sorted(_FOLDER.glob("*.js"))}
_MEDIA = {".html": "text/html", ".js": "text/javascript"}
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


async def serve(request: Request) -> Response:
    """Answers with a file, or with 304 if the browser has it."""
    data, headers = _file(FILES[request.url.path])
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    return Response(data, headers=headers)


@cache
def _file(name: str) -> tuple[bytes, dict[str, str]]:
    """Returns the content and the headers of a file."""
    path = _FOLDER / name
    data = path.read_bytes()
    return data, {
        "Content-Type": f"{_MEDIA[path.suffix]}; charset=utf-8",
        "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _policy(data),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _policy(data: bytes) -> str:
    """Returns the Content-Security-Policy, with the hashes of the styles in `data`."""
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'" for each in _STYLE.findall(data)]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' {' '.join(hashes)}".rstrip(),
            "connect-src 'self'",
            "img-src data:",
            "media-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


# A page of another origin, or a proxy that may answer another machine; a page of hushd's own sends none of these.
_OF_OTHERS = ("origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

_LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}  # as /proc writes them


async def show_tuned(request: Request) -> Response:
    """Answers with the table of the last `hushd tune --voice` or `hushd tune DIR`, or with null.

    It quotes what the user has said, which must not leave this machine. So only a program of the same user here gets
    it, or one with the token; whoever may not have it is answered as if there were none.
    """
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

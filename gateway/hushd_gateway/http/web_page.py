"""Serves the page's files.

The files contain nothing about this machine, so they need no token; the page asks for it. The policy lets the page load
its own scripts and style, connect to hushd alone, and be in no frame.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

PAGE = "/"
_FOLDER = Path(__file__).with_name("page")
FILES = {PAGE: "page.html"} | {f"/{path.name}": path.name for path in sorted(_FOLDER.glob("*.js*"))}
_MEDIA = {".html": "text/html", ".js": "text/javascript", ".json": "application/json"}
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
    styles = " ".join(["'self'", *hashes])
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; connect-src 'self'; img-src data:; "
        "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

"""`POST /v1/yield`: workers leave graphics cards to another program, as `hushd yield` has them do."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import context
from .body import read_json
from .errors import bad

KEYS = {"vram": (str, int), "card": (str, int), "for": (str, int, float)}


async def leave(request: Request) -> Response:
    """Answers with what was freed, once the driver reports it."""
    data = await read_json(request)
    for name, kinds in KEYS.items():
        if name in data and (not isinstance(data[name], kinds) or isinstance(data[name], bool)):
            raise bad(f"{name} must be a number or text.", name)
    client = context.of(request).client
    result = await client.yield_vram(data.get("vram"), card=data.get("card"), keep_away=data.get("for", 60.0))
    return JSONResponse(asdict(result))

"""`POST /v1/unload`: ends workers, as `hushd unload` does."""

from __future__ import annotations

from hushd import AsyncClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import parameters
from .body import read_json
from .parameters import Parameters


async def unload(request: Request) -> Response:
    """Answers with the workers that have ended, and by the name of each other one the number of its jobs, after which
    it ends.

    It asks on a connection of its own: the jobs of the gateway's connection, which all requests share, would be given
    up as the caller's own.
    """
    workers = PARAMETERS.check(await read_json(request))["workers"]
    async with AsyncClient(holder="gateway", start=False) as client:
        ended = await client.unload(*workers)
    return JSONResponse({"unloaded": list(ended), "busy": ended.busy})


PARAMETERS = Parameters(parameters.texts("workers", "As `GET /v1/activity` names them, such as stt; left out: all."))

"""`POST /v1/unload`: ends workers, as `hushd unload` does."""

from __future__ import annotations

from hushd import AsyncClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import parameters
from .body import read_json
from .errors import bad
from .fields import Fields
from .parameters import LENGTH_OF_TIME, Parameter, Parameters


async def unload(request: Request) -> Response:
    """Answers with the workers that have ended, and by the name of each other one the number of its jobs, after which
    it ends.

    It asks on a connection of its own: the jobs of the gateway's connection, which all requests share, would be given
    up as the caller's own.
    """
    given = PARAMETERS.check(await read_json(request))
    async with AsyncClient(holder="gateway", start=False) as client:
        ended = await client.unload(*given["workers"], keep_away=given["for"], everywhere=given["all"])
    return JSONResponse({"unloaded": list(ended), "busy": ended.busy})


def _time(data: Fields, name: str) -> str | float | None:
    value = data.get(name)
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    raise bad(f"{name} must be a number of seconds, or text such as 10m.", name)


PARAMETERS = Parameters(
    parameters.texts("workers", "As `GET /v1/activity` names them, such as stt; left out: all."),
    Parameter(
        "for",
        "Seconds, or a text such as 10m, for which no worker starts on a graphics card: those there end, others stay.",
        _time,
        {"anyOf": [{"type": "string", "pattern": f"^{LENGTH_OF_TIME}$"}, {"type": "number", "minimum": 0}]},
    ),
    parameters.flag("all", "With `for`: all workers end, and none starts at all."),
)

"""The processes: `POST /v1/unload` ends workers, as `hushd unload` does, and `GET /v1/activity` shows them.

That one has the output of `hushd status --json`, and memory over time, for the page and monitors. It starts no worker
and keeps none alive: it reads only the supervisor's status and record.
"""

from __future__ import annotations

import asyncio
import time

from hushd import AsyncClient
from hushd.reports import memory as record
from hushd.reports.memory import Window
from hushd_protocol import JsonObject, duration
from hushd_schema.status import Status
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import context, fields, parameters
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


POINTS = 240  # in the timeline
_USUAL = "10m"


async def show(request: Request) -> Response:
    """Answers with the status, and the memory record since `?since=`."""
    span = QUERY.check(fields.of_query(request.query_params))["since"]
    client = context.of(request).client
    status, recorded = await client.status(), await client.control("memory")
    memory = await asyncio.to_thread(_memory, span, status, recorded)
    return JSONResponse({"status": status.data(), "memory": memory}, headers={"Cache-Control": "no-store"})


def _span(data: Fields, name: str) -> float:
    span = duration.parse(fields.text(data, name, _USUAL))
    if span is None or span <= 0:
        raise bad(f"{name} must be a length of time such as 10m or 8h.", name)
    return span


_LENGTH = {"type": "string", "pattern": f"^(?=.*[1-9]){LENGTH_OF_TIME}$", "default": _USUAL}  # 0 is not a span
QUERY = Parameters(Parameter("since", "A length of time such as 10m or 8h.", _span, _LENGTH))


def _memory(span: float, status: Status, recorded: JsonObject) -> JsonObject:
    now = time.time()
    window = Window.last(span, record.since(record.from_data(recorded), now - span), status, now)
    assert window is not None  # a running supervisor has a record
    return window.data(POINTS)

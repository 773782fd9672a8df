"""The processes: `POST /v1/unload` ends workers, as `hushd unload` does, and `GET /v1/activity` shows them.

That one has the output of `hushd status --json`, and memory over time, for the page and monitors. It starts no worker
and keeps none alive: it reads only the supervisor's status and record.
"""

from __future__ import annotations

import time

from hushd import AsyncClient
from hushd.reports import memory as record
from hushd.reports.memory import Window
from hushd_protocol import JsonObject, duration
from hushd_schema.status import Status
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hushd_gateway import routing

from . import computing, fields
from .body import read_json
from .errors import bad

POINTS = 240  # points in the timeline
_USUAL = "10m"


async def unload(request: Request) -> Response:
    """Answers with the workers that have ended, and by the name of each other one the number of its jobs, after which
    it ends.

    It asks on a connection of its own: the jobs of the gateway's connection, which all requests share, would be given
    up as the caller's own.
    """
    workers = fields.texts(await read_json(request), "workers")
    async with AsyncClient(holder="gateway", start=False) as client:
        ended = await client.unload(*workers)
    return JSONResponse({"unloaded": list(ended), "busy": ended.busy})


async def show(request: Request) -> Response:
    """Answers with the status, and the memory record since `?since=`."""
    span = duration.parse(request.query_params.get("since", _USUAL))
    if span is None or span <= 0:
        raise bad("since must be a length of time such as 10m or 8h.", "since")
    client = routing.of(request).client
    status, recorded = await client.status(), await client.control("memory")
    memory = await computing.once(_memory, span, status, recorded)
    return JSONResponse({"status": status.data(), "memory": memory}, headers={"Cache-Control": "no-store"})


def _memory(span: float, status: Status, recorded: JsonObject) -> JsonObject:
    now = time.time()
    window = Window.last(span, record.since(record.from_data(recorded), now - span), status, now)
    return window.data(POINTS)

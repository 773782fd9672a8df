"""`GET /v1/activity`: the output of `hushd status --json`, and memory over time, for the page and monitors.

It starts no worker and keeps none alive: it reads only the supervisor's status and record.
"""

from __future__ import annotations

import asyncio
import time

from hushd.reports import memory as record
from hushd.reports.memory import Window
from hushd_protocol import JsonObject, duration
from hushd_schema.status import Status
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context, fields
from ..errors import bad
from ..fields import Fields
from ..parameters import LENGTH_OF_TIME, Parameter, Parameters

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

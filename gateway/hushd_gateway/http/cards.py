"""`POST /v1/yield`: workers leave memory to another program, as `hushd workers yield` has them do."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import context
from .body import read_json
from .errors import bad
from .fields import Fields
from .parameters import Parameter, Parameters


async def leave(request: Request) -> Response:
    """Answers with the freed memory, once the driver reports it."""
    given = PARAMETERS.check(await read_json(request))
    client = context.of(request).client
    keep_away = 60.0 if given["for"] is None else given["for"]
    result = await client.yield_vram(given["vram"], card=given["card"], keep_away=keep_away, ram=given["ram"])
    return JSONResponse(asdict(result))


def _amount(data: Fields, name: str) -> str | float | None:
    value = data.get(name)
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    raise bad(f"{name} must be a number or text.", name)


_AMOUNT = {"type": ["string", "number"]}
PARAMETERS = Parameters(
    Parameter("vram", "Bytes of cards, or a text such as 12G; left out: all, or with ram none.", _amount, _AMOUNT),
    Parameter("ram", "Bytes of the machine's memory, or a text such as 6G; left out: none.", _amount, _AMOUNT),
    Parameter("card", "The number or name of a graphics card.", _amount, _AMOUNT),
    Parameter("for", "Seconds, or a text such as 10m, for which workers keep away.", _amount, _AMOUNT),
)

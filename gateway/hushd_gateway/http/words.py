"""`POST /v1/audio/read`: a text in the words that would be spoken, without a voice."""

from __future__ import annotations

import asyncio

from hushd.synthesis.reading import read as words_of
from hushd_schema.operations.synthesize import MARKUPS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import parameters
from .body import read_json
from .parameters import Parameters
from .speech import INPUT

PARAMETERS = Parameters(
    INPUT,
    parameters.text("language", "A tag such as de; else the text's own language."),
    parameters.choice("markup", MARKUPS, MARKUPS[0], "Plain text, or Markdown."),
)


async def read(request: Request) -> Response:
    """Answers with the words of each line."""
    given = PARAMETERS.check(await read_json(request))
    words = await asyncio.to_thread(
        lambda: list(words_of(given["input"], language=given["language"] or None, markup=given["markup"]))
    )
    return JSONResponse({"lines": words})

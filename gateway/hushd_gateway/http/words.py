"""`POST /v1/audio/read`: a text in the words that would be spoken, without a voice."""

from __future__ import annotations

from hushd.synthesis.reading import read as words_of
from hushd_protocol.errors import HushdError
from hushd_schema.operations.synthesize import MARKUPS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import computing, parameters
from .body import read_json
from .parameters import Parameters
from .speech import INPUT

MAX_READ_CHARACTERS = 50_000  # characters of a text: an hour of speech

PARAMETERS = Parameters(
    INPUT,
    parameters.text("language", "A tag such as de; else the text's own language."),
    parameters.choice("markup", MARKUPS, MARKUPS[0], "Plain text, or Markdown."),
)


async def read(request: Request) -> Response:
    """Answers with the words of each line."""
    given = PARAMETERS.check(await read_json(request))
    if len(given["input"]) > MAX_READ_CHARACTERS:
        raise HushdError("too_large", f"input has at most {MAX_READ_CHARACTERS:,} characters: send it in parts.")
    words = words_of(given["input"], language=given["language"] or None, markup=given["markup"])
    return JSONResponse({"lines": await computing.collected(words)})

"""`GET /v1/models`, `/v1/audio/voices`, `/health` and `/metrics`.

The door answers most of these requests itself; the rest come here on connections that were handed over before.
"""

from __future__ import annotations

from hushd_models import catalogue, listings
from hushd_schema import metrics as figures
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from . import context, fields, parameters
from .errors import ApiError
from .parameters import Parameters


async def models(request: Request) -> Response:
    """Answers with all models: the installed ones, OpenAI's names, and the user's."""
    shared = context.of(request)
    return JSONResponse(listings.models(await shared.catalogues(), shared.settings.http.models))


async def model(request: Request) -> Response:
    """Answers with one model; a repository's name, which many programs have built in, is that of the model from there,
    and where that is not installed the default one stands in for it."""
    shared = context.of(request)
    name = request.path_params["name"]
    known = catalogue.of_repository(name)
    for entry in listings.models(await shared.catalogues(), shared.settings.http.models)["data"]:
        if entry["id"] in (name, known and known.model):
            return JSONResponse(entry | {"id": name})
    if known:
        stand_in = shared.settings.default_model(known.role)
        return JSONResponse(listings.model(name, known.role, known.engine) | {"stand_in": stand_in})
    raise ApiError(404, "There is no such model: GET /v1/models lists them.", "model", "model_not_found")


async def voices(request: Request) -> Response:
    """Answers with the installed voices; with `?legacy=true` with their names alone."""
    listing = listings.voices(await context.of(request).catalogues())
    if VOICES_QUERY.check(fields.of_query(request.query_params))["legacy"]:
        return JSONResponse({"voices": [voice["id"] for voice in listing["voices"]]})
    return JSONResponse(listing)


async def metrics(request: Request) -> Response:
    """Answers with the figures of `hushd status`, for Prometheus."""
    text = figures.text(await context.of(request).client.status())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def health(request: Request) -> Response:
    """Answers exactly `OK`, by which detectors know a server for speech."""
    return PlainTextResponse("OK")


VOICES_QUERY = Parameters(parameters.flag("legacy", "Their names alone."))
MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {"id": {"type": "string"}, "object": {"const": "model"}, "owned_by": {"type": "string"}},
}
MODELS = {
    "type": "object",
    "required": ["object", "data"],
    "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": MODEL}},
}
VOICES = {"type": "object", "required": ["voices"], "properties": {"voices": {"type": "array"}}}

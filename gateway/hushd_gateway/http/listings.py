"""`GET /v1/models`, `/v1/audio/voices`, `/health` and `/metrics`.

The door answers most of these requests itself; the others arrive on connections handed over earlier.
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
    """Answers with all models: the installed ones, OpenAI's names, and names from the configuration."""
    shared = context.of(request)
    return JSONResponse(listings.models(await shared.catalogues(), shared.settings.http.models))


async def model(request: Request) -> Response:
    """Answers with one model. A repository's name, which many programs have built in, means the model from there, or
    the default if that is not installed."""
    shared = context.of(request)
    name = request.path_params["name"]
    repository = catalogue.of_repository(name)
    for entry in listings.models(await shared.catalogues(), shared.settings.http.models)["data"]:
        if entry["id"] in (name, repository and repository.model):
            return JSONResponse(entry | {"id": name})
    if repository:
        default = shared.settings.default_model(repository.role)
        return JSONResponse(listings.model(name, repository.role, repository.engine) | {"stand_in": default})
    raise ApiError(404, "There is no such model: GET /v1/models lists them.", "model", "model_not_found")


async def voices(request: Request) -> Response:
    """Answers with the installed voices, or with only their names for `?legacy=true`."""
    listing = listings.voices(await context.of(request).catalogues())
    if VOICES_QUERY.check(fields.of_query(request.query_params))["legacy"]:
        return JSONResponse({"voices": [voice["id"] for voice in listing["voices"]]})
    return JSONResponse(listing)


async def metrics(request: Request) -> Response:
    """Answers with the figures of `hushd status`, for Prometheus."""
    text = figures.text(await context.of(request).client.status())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def health(request: Request) -> Response:
    """Answers exactly `OK`, by which detectors recognise a speech server."""
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

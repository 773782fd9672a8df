"""The models and voices: their lists, getting and removing a model; and `/health` and `/metrics`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple

from hushd_models import catalogue, inventory, listings, user_models
from hushd_models import languages as names
from hushd_models.removal import remove
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.system import paths
from hushd_schema import metrics as figures
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from . import context, fields, parameters
from .errors import ApiError
from .parameters import Parameters


class Found(NamedTuple):
    """A model by one of its names.

    Attributes:
        entry: its entry in the list, with the name by which it was found as its id.
        model: the installed ENGINE/NAME that answers requests with that name.
    """

    entry: JsonObject
    model: str


async def models(request: Request) -> Response:
    """Answers with all models, or those for a task: the installed ones, OpenAI's names, and names from the
    configuration."""
    task = MODELS_QUERY.check(fields.of_query(request.query_params))["task"]
    data = [entry for entry in await _entries(request) if task in ("", entry["task"])]
    return JSONResponse({"object": "list", "data": data})


async def audio_models(request: Request) -> Response:
    """Answers with all models, and once more with those that speak as `models`, where Open WebUI looks for them."""
    data = await _entries(request)
    speaking = [entry for entry in data if entry["task"] == listings.TASKS["tts"]]
    return JSONResponse({"object": "list", "data": data, "models": speaking})


async def model(request: Request) -> Response:
    """Answers with one model. A repository's name, which many programs have built in, means the model from there, or
    the default if that is not installed."""
    return JSONResponse((await find(request, request.path_params["name"])).entry)


async def find(request: Request, name: str) -> Found:
    """Returns the model that is listed under a name, or built into programs by it.

    Raises:
        ApiError: 404 for no such model.
    """
    settings = context.of(request).settings
    repository = catalogue.of_repository(name)
    for entry in await _entries(request):
        if entry["id"] in (name, repository and repository.model):
            role = next(role for role, task in listings.TASKS.items() if task == entry["task"])
            meant = settings.http.models.get(name, entry["id"])
            return Found(entry | {"id": name}, meant if "/" in meant else settings.default_model(role))
    if repository:
        default = settings.default_model(repository.role)
        entry = listings.model(name, repository.role, repository.engine) | {"stand_in": default}
        return Found(entry, default)
    raise ApiError(404, "There is no such model: GET /v1/models lists them.", "model", "model_not_found")


async def _entries(request: Request) -> list[JsonObject]:
    shared = context.of(request)
    entries: list[JsonObject] = listings.models(await shared.catalogues(), shared.settings.http.models)["data"]
    return entries


async def voices(request: Request) -> Response:
    """Answers with the installed voices, or with only their names for `?legacy=true`."""
    listing = listings.voices(await context.of(request).catalogues())
    if VOICES_QUERY.check(fields.of_query(request.query_params))["legacy"]:
        return JSONResponse({"voices": [voice["id"] for voice in listing["voices"]]})
    return JSONResponse(listing)


async def languages(request: Request) -> Response:
    """Answers with each known language, and what `hushd get` would bring to hear and to speak it."""
    return JSONResponse({"languages": await asyncio.to_thread(_languages)})


def _languages() -> list[JsonObject]:
    from hushd_models import recommendation  # for the page alone, and it reads what graphics cards there are

    where = paths.find()
    store = Store(where)
    known, machine = inventory.rows(store, user_models.configured(where.config)), recommendation.here(store.folder)
    codes = {names.code(tag) for row in known if row.known for tag in row.known.languages} - {"und"}
    entries = []
    own = user_models.own_languages(where.config)
    for code in [*(code for code in own if code in codes), *sorted(codes - {*own})]:
        brought = {does: recommendation.to_get(known, machine, code, role) for does, role in _DOES.items()}
        if any(brought.values()):
            entry = {does: choice and choice.as_json() for does, choice in brought.items()}
            entries.append({"language": code, "name": names.name(code)} | entry)
    return entries


_DOES = {"hearing": "stt", "speaking": "tts"}


async def metrics(request: Request) -> Response:
    """Answers with the figures of `hushd status`, for Prometheus."""
    text = figures.text(await context.of(request).client.status())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def health(request: Request) -> Response:
    """Answers exactly `OK`, by which detectors recognise a speech server."""
    return PlainTextResponse("OK")


MODELS_QUERY = Parameters(parameters.text("task", "automatic-speech-recognition or text-to-speech: only those."))
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
AUDIO_MODELS = MODELS | {"required": ["object", "data", "models"]}
LANGUAGES = {"type": "object", "required": ["languages"], "properties": {"languages": {"type": "array"}}}
VOICES = {"type": "object", "required": ["voices"], "properties": {"voices": {"type": "array"}}}


async def pull(request: Request) -> Response:
    """Answers once the model is downloaded; an installed one is verified, one without files of its own just named."""
    name = _permitted(request)
    known = catalogue.find(name, user_models.configured(paths.find().config))
    if known is None or known.kind not in ("hub", "url"):
        with suppress(ApiError):  # not a name of GET /v1/models either
            entry = await find(request, name)
            return JSONResponse({"id": entry.model, "object": "model", "size": 0})
    model = await context.of(request).client.pull(name)
    return JSONResponse({"id": model.model, "object": "model", "size": model.size})


async def delete(request: Request) -> Response:
    """Answers once the model's files are removed. A worker that has loaded the model keeps it until it ends."""
    model = _permitted(request)
    removed = await asyncio.to_thread(_remove, model)
    return JSONResponse({"id": model, "object": "model", "deleted": True, "size": removed})


def _remove(model: str) -> int:
    where = paths.find()
    store = Store(where)
    return remove(store, inventory.row(store, model, user_models.configured(where.config))).size


def _permitted(request: Request) -> str:
    """Returns the model that the request names, as ENGINE/NAME or by repository. Raises ApiError 409 if downloads are
    off."""
    name: str = request.path_params["name"]
    known = catalogue.of_repository(name)
    model = known.model if known else name
    if not context.of(request).settings.http.pull:
        sentence = f"Programs may not get models here: set pull = true in [http], or run `hushd models pull {model}`."
        raise ApiError(409, sentence, "model", "pull_is_off", is_final=True)
    return model

"""The lists of models, voices and languages; and `/health`."""

from __future__ import annotations

from hushd_models import catalogue, inventory, listings, preferences
from hushd_models import languages as names
from hushd_models.choice import recommendation
from hushd_models.store import Store
from hushd_protocol import JsonObject
from hushd_protocol.system import paths
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hushd_gateway import routing

from . import computing
from .errors import ApiError


async def models(request: Request) -> Response:
    """Answers with all models, or those for a task: the installed ones, OpenAI's names, and names from the
    configuration."""
    task = request.query_params.get("task", "")
    data = [entry for entry in await _entries(request) if task in ("", entry["task"])]
    return JSONResponse({"object": "list", "data": data})


async def audio_models(request: Request) -> Response:
    """Answers with all models, and once more with those that speak as `models`, where Open WebUI looks for them."""
    data = await _entries(request)
    speaking = [entry for entry in data if entry["task"] == listings.TASKS["tts"]]
    return JSONResponse({"object": "list", "data": data, "models": speaking})


async def model(request: Request) -> Response:
    """Answers with one model, also by its repository's name, which many programs have built in; 404 for none."""
    name = request.path_params["name"]
    repository = catalogue.of_repository(name)
    for entry in await _entries(request):
        if entry["id"] in (name, repository and repository.model):
            return JSONResponse(entry | {"id": name})
    raise ApiError(404, "There is no such model: GET /v1/models lists them.", "model", "model_not_found")


async def _entries(request: Request) -> list[JsonObject]:
    engines = routing.of(request)
    return listings.models(await engines.every(), engines.settings.http.models)


async def voices(request: Request) -> Response:
    """Answers with the installed voices; with `?legacy=true` their names alone, as Kokoro-FastAPI once did."""
    entries = listings.voices(await routing.of(request).every())
    legacy = request.query_params.get("legacy") == "true"
    return JSONResponse({"voices": [voice["id"] for voice in entries] if legacy else entries})


async def languages(request: Request) -> Response:
    """Answers with each known language, and what `hushd get` would bring to hear and to speak it."""
    return JSONResponse({"languages": await computing.once(_languages)})


def _languages() -> list[JsonObject]:
    where = paths.find()
    store = Store(where)
    known, machine = inventory.rows(store), recommendation.here(store.folder)
    codes = {names.code(tag) for row in known if row.known for tag in row.known.languages}
    entries = []
    own = preferences.own_languages(where.config)
    for code in [*(code for code in own if code in codes), *sorted(codes - {*own})]:
        brought = {does: recommendation.to_get(known, machine, code, role, own=own) for does, role in _DOES.items()}
        if any(brought.values()):
            entry = {does: choice and choice.as_json() for does, choice in brought.items()}
            entries.append({"language": code, "name": names.name(code), "own": code in own} | entry)
    return entries


_DOES = {"hearing": "stt", "speaking": "tts"}


async def health(request: Request) -> Response:
    """Answers exactly `OK`, by which detectors recognise a speech server."""
    return PlainTextResponse("OK")

"""`POST` and `DELETE /v1/models/ID`: download or remove a model, if the configuration lets programs do so."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hushd_models import catalogue, user_models
from hushd_models.inventory import row
from hushd_models.removal import remove
from hushd_models.store import Store
from hushd_protocol.system import paths
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import context, listings
from .errors import ApiError


async def pull(request: Request) -> Response:
    """Answers once the model is downloaded; an installed one is verified, one without files of its own just named."""
    name = _permitted(request)
    known = catalogue.find(name, user_models.configured(paths.find().config))
    if known is None or known.kind not in ("hub", "url"):
        with suppress(ApiError):  # not a name of GET /v1/models either
            entry = await listings.find(request, name)
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
    return remove(store, row(store, model, user_models.configured(where.config))).size


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

"""The application: OpenAI's audio API for the engines of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import uploads
from hushd_schema.settings import Settings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from . import context, models, processes, speech, web_page
from .context import Context
from .errors import ApiError, answer
from .middleware import HEADER, EndsWithClient, NamesRequests
from .operations import TEXT, Operation, document, routes
from .parameters import Schema
from .realtime import client_secrets, socket
from .security import Authorisation
from .transcription import endpoints as transcription
from .transcription import whisper_cpp
from .transcription.params import DIARIZATION, TRANSCRIPTION, TRANSLATION

if TYPE_CHECKING:
    from hushd import AsyncClient


async def openapi(request: Request) -> Response:
    """Answers with the description of all operations."""
    return JSONResponse(document(OPERATIONS, bool(context.of(request).token)))


def _json(schema: Schema) -> dict[str, Schema]:
    return {"application/json": schema}


_PLAIN: dict[str, Schema] = {"text/plain": TEXT}
OPERATIONS = [
    Operation("POST", "/v1/audio/speech", speech.create, "Speaks a text.", speech.ANSWERS, body=speech.PARAMETERS),
    Operation(
        "POST", "/v1/audio/transcriptions", transcription.transcribe, "Transcribes a recording.",
        transcription.TRANSCRIPTS, form=TRANSCRIPTION,
    ),
    Operation(
        "POST", "/v1/audio/translations", transcription.translate, "Transcribes a recording into English.",
        transcription.TRANSLATIONS, form=TRANSLATION,
    ),
    Operation(
        "POST", "/v1/audio/diarization", transcription.diarize, "Says who speaks when.", transcription.DIARIZATIONS,
        form=DIARIZATION,
    ),
    Operation(
        "POST", "/inference", whisper_cpp.infer, "Transcribes a recording, as whisper.cpp's server does.",
        whisper_cpp.ANSWERS, form=whisper_cpp.INFERENCE,
    ),
    Operation(
        "GET", "/v1/audio/voices", models.voices, "Lists the voices.", _json(models.VOICES),
        query=models.VOICES_QUERY,
    ),
    Operation(
        "GET", "/v1/languages", models.languages, "Says what `hushd get` would bring for each language.",
        _json(models.LANGUAGES),
    ),
    Operation("GET", "/v1/audio/models", models.audio_models, "Lists the models.", _json(models.AUDIO_MODELS)),
    Operation(
        "GET", "/v1/models", models.models, "Lists the models.", _json(models.MODELS), query=models.MODELS_QUERY,
    ),
    Operation("GET", "/v1/models/{name}", models.model, "Describes a model.", _json(models.MODEL)),
    Operation("POST", "/v1/models/{name}", models.pull, "Gets a model."),
    Operation("DELETE", "/v1/models/{name}", models.delete, "Removes a model from this machine."),
    Operation(
        "POST", "/v1/realtime/client_secrets", client_secrets.create, "Makes a secret that opens one kind of session.",
        _json(client_secrets.ANSWER), body=client_secrets.PARAMETERS,
    ),
    Operation("POST", "/v1/unload", processes.unload, "Ends workers, after their jobs.", body=processes.PARAMETERS),
    Operation("GET", "/v1/activity", processes.show, "Shows the processes, and their memory.", query=processes.QUERY),
    Operation(
        "GET", "/v1/tuned", web_page.show_tuned, "Shows the last comparison of models, to this machine's user alone.",
    ),
    Operation("GET", "/health", models.health, "Says OK.", _PLAIN, open=True),
    Operation("GET", "/metrics", models.metrics, "Figures for Prometheus.", _PLAIN),
    Operation("GET", "/openapi.json", openapi, "This document."),
]  # fmt: skip
ROUTES: list[BaseRoute] = [
    *routes(OPERATIONS),
    WebSocketRoute("/v1/realtime", socket.serve),
    *(Route(path, web_page.serve) for path in web_page.FILES),
]


def create_app(client: AsyncClient, settings: Settings, token: str = "", listed: Path | None = None) -> Starlette:
    """Returns the ASGI application.

    Args:
        client: makes all requests.
        settings: `http` and the default models are used.
        token: the secret that every request must carry; empty for none.
        listed: see `engines.Engines`.
    """
    uploads.sweep()
    origins = list(settings.http.origins)
    middleware = [Middleware(NamesRequests), Middleware(Authorisation, settings.http.hosts, origins, token)]
    if origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=[HEADER],
            )
        )
    middleware.append(Middleware(EndsWithClient))
    app = Starlette(
        routes=ROUTES,
        middleware=middleware,
        exception_handlers={ApiError: answer, HushdError: answer, HTTPException: _unknown},
    )
    app.state.context = Context(client, settings, token, listed)
    return app


async def _unknown(request: Request, error: Exception) -> Response:
    """Answers requests for an unknown path or method."""
    assert isinstance(error, HTTPException)
    sentences = {404: "There is no such path.", 405: "This path does not take this method."}
    response = ApiError(error.status_code, sentences.get(error.status_code, "The request cannot be read.")).response()
    response.headers.update(error.headers or {})
    return response

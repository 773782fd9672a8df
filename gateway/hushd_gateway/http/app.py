"""The application: OpenAI's audio API for the engines of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_supervisor.core.settings import Settings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from . import cards, listings, speech
from .body import sweep
from .context import Context
from .errors import ApiError, answer
from .lifetime import EndsWithClient
from .page import activity, files
from .realtime import client_secrets, socket
from .security import Gate
from .transcription import endpoints as transcription

if TYPE_CHECKING:
    from hushd import AsyncClient

ROUTES: list[BaseRoute] = [
    Route("/v1/audio/speech", speech.create, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcription.transcribe, methods=["POST"]),
    Route("/v1/audio/translations", transcription.translate, methods=["POST"]),
    Route("/v1/audio/diarization", transcription.diarize, methods=["POST"]),
    Route("/v1/audio/voices", listings.voices),
    Route("/v1/audio/models", listings.models),
    Route("/v1/models", listings.models),
    Route("/v1/models/{name:path}", listings.model),
    Route("/v1/realtime/client_secrets", client_secrets.create, methods=["POST"]),
    WebSocketRoute("/v1/realtime", socket.serve),
    Route("/v1/yield", cards.leave, methods=["POST"]),
    Route("/v1/activity", activity.show),
    Route("/health", listings.health),
    Route("/metrics", listings.metrics),
    *(Route(path, files.serve) for path in files.FILES),
]


def create_app(client: AsyncClient, settings: Settings, token: str = "") -> Starlette:
    """Returns the ASGI application.

    Args:
        client: makes all requests.
        settings: of which `http` and the default models count.
        token: the secret that every request must carry; empty for none.
    """
    sweep()
    origins = list(settings.http.origins)
    middleware = [Middleware(Gate, settings.http.hosts, origins, token)]
    if origins:
        middleware.append(
            Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["*"])
        )
    middleware.append(Middleware(EndsWithClient))
    app = Starlette(
        routes=ROUTES,
        middleware=middleware,
        exception_handlers={ApiError: answer, HushdError: answer, HTTPException: _unknown},
    )
    app.state.context = Context(client, settings, token)
    return app


def _unknown(request: Request, error: Exception) -> Response:
    """Answers for a path or method that there is not."""
    assert isinstance(error, HTTPException)
    sentences = {404: "There is no such path.", 405: "This path takes another method."}
    return ApiError(error.status_code, sentences.get(error.status_code, "The request cannot be read.")).response()

"""The application: OpenAI's audio API for the engines of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest
from hushd_protocol.system import uploads
from hushd_schema.settings import Settings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from hushd_gateway.routing import Engines

from . import agents, metrics, models, own_voices, processes, speech, web_page, words
from .errors import ApiError, answer
from .middleware import EndsWithClient
from .realtime import client_secrets, socket
from .security import Authorisation
from .transcription import endpoints as transcription

if TYPE_CHECKING:
    from hushd import AsyncClient

_ELSEWHERE = {  # paths of other speech servers, and of servers that programs take hushd for
    "/api/ps": "GET /v1/activity shows what runs",
    "/api/tags": "GET /v1/models lists the models",
    "/asr": "POST /v1/audio/transcriptions hears",
    "/dev/captioned_speech": "POST /v1/audio/speech tells the times of words, with timeline and stream_format sse",
    "/dev/phonemize": "POST /v1/audio/read has a text in the words that are spoken",
    "/docs": "docs/SERVING.md lists the paths",
    "/inference": "POST /v1/audio/transcriptions hears",
    "/openapi.json": "docs/SERVING.md lists the paths",
    "/tts": "POST /v1/audio/speech speaks",
    "/v1/chat/completions": "hushd hears and speaks, and has no language model",
}


def _no_path(path: str) -> str:
    """Returns the sentence for an unknown path, with the path that serves the same purpose, as far as it is known."""
    if meant := _ELSEWHERE.get(path.rstrip("/")):
        return f"There is no such path: {meant}."
    close = nearest(path, (route.path for route in ROUTES if isinstance(route, Route) and route.path.startswith("/v1")))
    return f"There is no such path: {f'did you mean {close}?' if close else 'docs/SERVING.md lists them.'}"


async def _nowhere(socket: WebSocket) -> None:
    raise ApiError(404, _no_path(socket.url.path))


ROUTES: list[BaseRoute] = [
    Route("/v1/audio/speech", speech.create, methods=["POST"]),
    Route("/v1/audio/read", words.read, methods=["POST"]),
    Route("/v1/audio/transcriptions", transcription.transcribe, methods=["POST"]),
    Route("/v1/audio/translations", transcription.translate, methods=["POST"]),
    WebSocketRoute("/v1/realtime", socket.serve),
    Route("/v1/realtime/client_secrets", client_secrets.create, methods=["POST"]),
    Route("/v1/audio/voices", models.voices),
    Route("/v1/audio/voices", own_voices.create, methods=["POST"]),
    Route("/v1/audio/voices/{name}", own_voices.remove, methods=["DELETE"]),
    Route("/v1/audio/models", models.audio_models),
    Route("/v1/models", models.models),
    Route("/v1/models/{name:path}", models.model),
    Route("/v1/languages", models.languages),
    Route("/v1/activity", processes.show),
    Route("/v1/unload", processes.unload, methods=["POST"]),
    Route("/health", models.health),
    Route("/metrics", metrics.show),
    Route("/mcp", agents.Relay()),
    Route("/mcp/files", agents.keep, methods=["POST"]),
    *(Route(path, web_page.serve) for path in web_page.FILES),
    WebSocketRoute("/{path:path}", _nowhere),
]


def create_app(
    client: AsyncClient, settings: Settings, token: str = "", listed: Path | None = None, *, own_only: bool = False
) -> Starlette:
    """Returns the ASGI application.

    Args:
        settings: `http` and the default models are used.
        token: the secret that every request must carry; empty for none.
    """
    uploads.sweep()
    origins = list(settings.http.origins)
    middleware = [Middleware(Authorisation, settings.http.hosts, origins, token, own_only)]
    if origins:
        middleware.append(
            Middleware(CORSMiddleware, origins, ["GET", "POST", "DELETE"], ["*"], expose_headers=["Mcp-Session-Id"])
        )
    middleware.append(Middleware(EndsWithClient))
    app = Starlette(
        routes=ROUTES,
        middleware=middleware,
        exception_handlers={ApiError: answer, HushdError: answer, HTTPException: _unknown},
    )
    app.state.engines = Engines(client, settings, listed)
    return app


async def _unknown(request: Request, error: Exception) -> Response:
    """Answers requests for an unknown path or method."""
    assert isinstance(error, HTTPException)
    sentences = {404: _no_path(request.url.path), 405: "This path does not take this method."}
    response = ApiError(error.status_code, sentences.get(error.status_code, "The request cannot be read.")).response()
    response.headers.update(error.headers or {})
    return response

"""The operations of the HTTP API, as data: the routes and `/openapi.json` are made of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from hushd_protocol import JsonObject, __version__
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .parameters import Parameters, Schema

Handle = Callable[[Request], Awaitable[Response]]
NONE = Parameters()
OBJECT: Schema = {"type": "object"}
TEXT: Schema = {"type": "string"}
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": TEXT,
                "type": {"enum": ["invalid_request_error", "rate_limit_error", "server_error"]},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API.

    Attributes:
        path: a template, as in OpenAPI.
        about: its description, one sentence.
        answers: the answer's schemas, by media type.
        body, form, query: its parameters, by where they are sent.
        open: whether it needs no token.
    """

    method: str
    path: str
    handle: Handle
    about: str
    answers: Mapping[str, Schema] = field(default_factory=lambda: {"application/json": OBJECT})
    body: Parameters = NONE
    form: Parameters = NONE
    query: Parameters = NONE
    open: bool = False

    def described(self, guarded: bool) -> Schema:
        """Returns its OpenAPI description."""
        description: JsonObject = {
            "operationId": f"{self.handle.__module__.rpartition('.')[2]}-{self.path.strip('/').replace('/', '-')}",
            "summary": self.about,
            "responses": {
                "200": {"description": "Done.", "content": {kind: {"schema": s} for kind, s in self.answers.items()}},
                "default": {"description": "An error.", "content": {"application/json": {"schema": _REFERENCE}}},
            },
        }
        parts = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in parts]
        parameters += [{"name": each.name, "in": "query", "schema": each.in_form()} for each in self.query]
        if parameters:
            description["parameters"] = parameters
        if self.form is not NONE:
            description["requestBody"] = _body("multipart/form-data", self.form.in_form())
        if self.body is not NONE:
            description["requestBody"] = _body("application/json", self.body.in_json())
        if guarded:
            description["security"] = [] if self.open else [{name: []} for name in _KEYS]
        return description


def routes(operations: Iterable[Operation]) -> list[Route]:
    """Returns a route for each path, so that a refused method's answer lists the path's methods; a path's last part may
    have slashes."""
    by_path: dict[str, dict[str, Handle]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation.handle
    return [
        Route(path.replace("}", ":path}"), _by_method(handles), methods=list(handles))
        for path, handles in by_path.items()
    ]


def _by_method(handles: Mapping[str, Handle]) -> Handle:
    async def handle(request: Request) -> Response:
        return await handles["GET" if request.method == "HEAD" else request.method](request)

    return handle


_REFERENCE: Schema = {"$ref": "#/components/schemas/Error"}


def document(operations: list[Operation], guarded: bool) -> Schema:
    """Returns the OpenAPI 3.1 document; `guarded` says whether a token is needed."""
    paths: dict[str, dict[str, Schema]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = operation.described(guarded)
    components: JsonObject = {"schemas": {"Error": _ERROR}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hushd",
            "version": __version__,
            "summary": "A voice and ears for programs on your own machine.",
            "description": "OpenAI's audio API. Live transcription is a WebSocket at /v1/realtime.",
        },
        "paths": paths,
        "components": components | ({"securitySchemes": _KEYS} if guarded else {}),
    }


def _body(kind: str, schema: Schema) -> Schema:
    return {"required": bool(schema.get("required")), "content": {kind: {"schema": schema}}}

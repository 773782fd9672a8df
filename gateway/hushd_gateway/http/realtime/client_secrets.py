"""`POST /v1/realtime/client_secrets`: a secret with which a web page may open one kind of session."""

from __future__ import annotations

import time
from secrets import token_hex

from hushd_schema.kinds import whole
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context, fields, parameters
from ..body import read_json
from ..errors import bad
from ..parameters import Parameters
from . import sealing
from .session import Session

MIN_S, MAX_S, DEFAULT_S = 10, 7200, 600


async def create(request: Request) -> Response:
    """Answers with the secret, its expiry and its session."""
    given = PARAMETERS.check(await read_json(request))
    changes, expires = given["session"], given["expires_after"]
    kind = fields.choice(changes, "type", ("transcription", "realtime"), "realtime")
    seconds = fields.value(expires, "seconds", whole(MIN_S, MAX_S)) or DEFAULT_S
    session = Session(f"sess_{token_hex(8)}", kind, fields.text(changes, "model"))
    session.update(changes)
    end = int(time.time()) + seconds
    secret = sealing.sealed({**changes, "type": kind}, end, context.of(request).token)
    if len(secret) > sealing.MAX_CHARACTERS:
        raise bad("session is too long for a secret.", "session")
    return JSONResponse({"value": secret, "expires_at": end, "session": session.data})


PARAMETERS = Parameters(
    parameters.record("session", "As in session.update."),
    parameters.record("expires_after", f"seconds, {MIN_S} to {MAX_S}, after which it opens no session."),
)
ANSWER = {
    "type": "object",
    "required": ["value", "expires_at", "session"],
    "properties": {"value": {"type": "string"}, "expires_at": {"type": "integer"}, "session": {"type": "object"}},
}

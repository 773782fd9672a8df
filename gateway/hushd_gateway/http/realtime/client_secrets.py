"""`POST /v1/realtime/client_secrets`: a secret with which a web page may open one kind of session."""

from __future__ import annotations

import time
from secrets import token_hex

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context, fields
from ..body import read_json
from ..errors import bad
from . import sealing
from .session import Session

LEAST_S, MOST_S, USUAL_S = 10, 7200, 600


async def create(request: Request) -> Response:
    """Answers with the secret, its end and its session."""
    data = await read_json(request)
    asked = data.get("session") or {}
    expires = data.get("expires_after") or {}
    if not isinstance(asked, dict) or not isinstance(expires, dict):
        raise bad("session and expires_after must be objects.", "session")
    kind = fields.choice(asked, "type", ("transcription", "realtime"), "realtime")
    seconds = fields.whole(expires, "seconds", LEAST_S, MOST_S) or USUAL_S
    session = Session(f"sess_{token_hex(8)}", kind, fields.text(asked, "model"))
    session.update(asked)
    end = int(time.time()) + seconds
    secret = sealing.sealed({**asked, "type": kind}, end, context.of(request).token)
    if len(secret) > sealing.LONGEST:
        raise bad("session is too long for a secret.", "session")
    return JSONResponse({"value": secret, "expires_at": end, "session": session.data})

"""`POST /v1/realtime/client_secrets`: a secret with which a web page may open one kind of session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from secrets import token_hex

from hushd_protocol import JsonObject
from hushd_schema.kinds import whole
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import context, fields, parameters
from ..body import read_json
from ..errors import bad
from ..parameters import Parameters
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
    secret = sealed({**changes, "type": kind}, end, context.of(request).token)
    if len(secret) > MAX_CHARACTERS:
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


PREFIX = "ek_"
MAX_CHARACTERS = 16 * 1024  # characters


def sealed(session: JsonObject, expires_at: int, token: str) -> str:
    """Returns a secret that opens a session until `expires_at`, in seconds since 1970."""
    body = base64.urlsafe_b64encode(json.dumps([expires_at, session], separators=(",", ":")).encode()).rstrip(b"=")
    return PREFIX + (body + b"." + _signature(body, token)).decode()


def opened(secret: str, token: str) -> JsonObject | None:
    """Returns the session in a valid secret; None for anything else."""
    if not secret.startswith(PREFIX) or len(secret) > MAX_CHARACTERS or not secret.isascii():
        return None
    body, _, signature = secret[len(PREFIX) :].encode().partition(b".")
    if not hmac.compare_digest(signature, _signature(body, token)):
        return None
    expires_at, session = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    return session if time.time() < expires_at else None


def _signature(body: bytes, token: str) -> bytes:
    digest = hmac.new(token.encode(), body, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=")

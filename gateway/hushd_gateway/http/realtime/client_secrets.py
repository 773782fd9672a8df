"""`POST /v1/realtime/client_secrets`: secrets for web pages, each of which opens one session and nothing else.

A secret is the name of a file in the runtime folder, with its session; its expiry is the file's time. So it outlives
the gateway that made it, and of two who send it the one that removes the file has the session.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Annotated

from hushd_protocol import JsonObject
from hushd_protocol.system.paths import find
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .. import fields
from ..body import read_json
from ..errors import ApiError, bad
from .session import Session, named

SECONDS, USUAL_S = Annotated[int, Meta(ge=10, le=7_200)], 600  # OpenAI's API has these
MAX_SECRETS, MAX_CHARACTERS = 1_000, 16_384  # secrets that wait, and characters of a session
_SECRET = re.compile("ek_[0-9a-f]{32}")


async def create(request: Request) -> Response:
    """Answers with a secret, its expiry and its session."""
    asked = await read_json(request)
    changes = named(asked.get("session") or {}, "session")
    seconds = fields.value(named(asked.get("expires_after") or {}, "expires_after"), "seconds", SECONDS) or USUAL_S
    session = Session(f"sess_{token_hex(8)}", fields.text(changes, "model"))
    session.update(changes)
    secret, expires_at = f"ek_{token_hex(16)}", int(time.time()) + seconds
    _keep(secret, json.dumps(changes), expires_at)
    return JSONResponse({"value": secret, "expires_at": expires_at, "session": session.data})


def _keep(secret: str, session: str, expires_at: int) -> None:
    if len(session) > MAX_CHARACTERS:
        raise bad("session is too long for a secret.", "session")
    folder, now = _folder(), time.time()
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = 0
    for name in os.listdir(folder):
        with suppress(FileNotFoundError):
            if os.stat(folder / name).st_mtime <= now:
                os.unlink(folder / name)
            else:
                waiting += 1
    if waiting >= MAX_SECRETS:
        raise ApiError(429, f"{waiting} secrets wait for their sessions: use them, or let them expire.", retry_after=60)
    path = folder / secret
    path.write_text(session)
    os.utime(path, (now, expires_at))


def redeem(secret: str | bytes) -> JsonObject | None:
    """Returns the session that a secret opens, as in `session.update`, and ends the secret; None: it opens none."""
    if not isinstance(secret, str) or not _SECRET.fullmatch(secret):
        return None
    path = _folder() / secret
    try:
        session: JsonObject = json.loads(path.read_text())
        is_late = path.stat().st_mtime <= time.time()
        path.unlink()  # fails where somebody else was first
    except FileNotFoundError:
        return None
    return None if is_late else session


def _folder() -> Path:
    return find().runtime / "client_secrets"

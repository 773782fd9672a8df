"""Client secrets, which a server hands to a web page so that the page may open one realtime session.

None is stored: a secret carries its session and its expiry, signed with hushd's token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from hushd_protocol import JsonObject

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

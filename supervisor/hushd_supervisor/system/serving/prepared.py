"""The answers to polls, as bytes: made once from the catalogues, and again when the catalogues change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models import listings
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.system import best_effort
from hushd_schema.settings import Settings
from hushd_schema.settings.access import Address

from hushd_supervisor.core.events import Described
from hushd_supervisor.core.serving import door

if TYPE_CHECKING:
    from hushd_schema.description import Descriptions

METRICS_S = 1.0  # for which figures are reused
AGAIN_S = 60.0  # until engines are listed again after a failure
_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
_SENTENCES = {
    400: "This is not an HTTP/1.1 request: use http:// in the address.",
    401: "Send hushd's token: Authorization: Bearer TOKEN, or x-api-key: TOKEN.",
    403: "This name is not one of hushd's: call it by its address, or add the name to [http] hosts.",
    429: "Too many connections from this address have sent no request: close some.",
    503: "hushd cannot take this connection now: ask again in a moment.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of HTTP or Wyoming; its first `head` bytes are the answer to HEAD."""

    data: bytes
    head: int = 0


def refusal(status: int, retry_after: int = 1) -> bytes:
    """Returns the HTTP answer that refuses a connection, in the form of OpenAI's errors."""
    kind = "invalid_request_error" if status < 429 else "server_error"
    error = {"message": _SENTENCES[status], "type": kind, "param": None, "code": None}
    extra = "Connection: close\r\n"
    if status in (429, 503):
        extra += f"Retry-After: {retry_after}\r\n"
    if status == 401:
        extra += "WWW-Authenticate: Bearer\r\n"
    return _http(f"{status} {_REASONS[status]}", "application/json", json.dumps({"error": error}), extra).data


class Answers:
    """Prepares and keeps the answers.

    Args:
        figures: returns the lines of `/metrics`.
        file: the file that lists the engines for the gateway, so that it offers the same.
    """

    def __init__(self, settings: Settings, figures: Callable[[], str], file: Path) -> None:
        self._settings = settings
        self._figures = figures
        self._file = file
        self._catalogues: Descriptions | None = None
        self._listed: set[str] = set()  # roles that were listed, even without success
        self._replies: dict[tuple[str, str], Reply] = {}
        self._wanted_roles: set[str] = set(ENGINE_ROLES)
        self._again = 0.0  # when engines may be listed again after a failure
        self._metrics_until = 0.0

    def find(self, what: str, address: Address, now: float) -> Reply | None:
        """Returns the answer to poll `what` at `address`; None while the engines are being listed for it."""
        if what == door.METRICS and now >= self._metrics_until:
            self._replies.pop((what, ""), None)
            self._metrics_until = now + METRICS_S
        key = what, address.text if what == door.INFO else ""
        if key not in self._replies:
            if what not in (door.HEALTH, door.METRICS) and len(self._listed) < len(ENGINE_ROLES):
                return None
            self._replies[key] = self._make(what, address)
        return self._replies[key]

    def wanted(self, now: float) -> list[str]:
        """Returns the roles whose engines should be listed now, sorted, and clears them."""
        if now < self._again:
            return []
        roles, self._wanted_roles = sorted(self._wanted_roles), set()
        return roles

    def described(self, event: Described, now: float) -> None:
        """Takes the catalogue of a role; after an error the old one holds, or an empty one."""
        if event.role not in ENGINE_ROLES:
            return
        from hushd_schema import description  # loaded on first use

        catalogues = self._catalogues or description.Descriptions.from_data({})
        self._listed.add(event.role)
        try:
            if event.error:
                raise HushdError("worker_failed", event.error)
            catalogues = catalogues.having(event.role, description.read(event.role, event.catalogue))
            listings.save_catalogues(self._file, catalogues)
        except HushdError:
            self._wanted_roles.add(event.role)
            self._again = now + AGAIN_S
        self._catalogues = catalogues
        self._replies.clear()

    def configure(self, settings: Settings) -> None:
        """Applies new settings, and has the engines listed again, since they may have changed too."""
        self._settings = settings
        self._replies.clear()
        self.renew()

    def close(self) -> None:
        """Removes the file."""
        with best_effort.writing(self._file):
            self._file.unlink(missing_ok=True)

    def renew(self) -> None:
        """Has the engines listed again; the last answers hold until then."""
        self._wanted_roles = set(ENGINE_ROLES)

    def _make(self, what: str, address: Address) -> Reply:
        if what == door.HEALTH:
            return _http("200 OK", "text/plain; charset=utf-8", "OK")
        if what == door.METRICS:
            return _http("200 OK", "text/plain; version=0.0.4; charset=utf-8", self._figures())
        assert self._catalogues is not None
        catalogues = self._catalogues.with_defaults(self._settings.default_model)
        match what:
            case door.MODELS:
                return _json(listings.models(catalogues, self._settings.http.models))
            case door.VOICES:
                return _json(listings.voices(catalogues))
        stt, tts = self._settings.wyoming.models(address.text)
        return Reply(listings.info_event(listings.info(catalogues, stt, tts)))


def _json(value: Any) -> Reply:
    return _http("200 OK", "application/json", json.dumps(value, ensure_ascii=False))


def _http(status: str, kind: str, body: str, extra: str = "") -> Reply:
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}\r\n".encode()
    return Reply(head + data, len(head))

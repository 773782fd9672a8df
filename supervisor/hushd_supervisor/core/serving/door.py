"""Decides about a connection by its first bytes: answer a poll, hand it over to the gateway, or refuse it.

Programs ask again and again whether hushd is there: Home Assistant sends Wyoming's `describe` every 30 s, health
checks ask `/health`, Prometheus `/metrics`. Exactly these polls are answered here, so that they start no process. Every
other request goes unchanged to the gateway, which judges it; only requests that no server would accept are refused
here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection

from hushd_protocol.hosts import headers_of, is_allowed, sent_secrets
from hushd_protocol.light_dataclass import dataclass

PREFIX = 4096  # bytes of a connection that are examined
HEALTH, METRICS, MODELS, VOICES = "/health", "/metrics", "/v1/models", "/v1/audio/voices"
INFO = "info"  # Wyoming's
_POLLS = frozenset(name.encode() for name in (HEALTH, METRICS, MODELS, VOICES))
_REQUEST = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.([01])")
_END = re.compile(rb"\n\r?\n")  # of a request's head
_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_NO_VALUE = re.compile(rb"[\x00\n\r\x0b\x0c]")
_METHOD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# With one of these a request has a body, becomes another protocol, or comes from a web page: the gateway's business.
_NOT_A_POLL = frozenset(("content-length", "transfer-encoding", "upgrade", "expect", "origin"))


@dataclass(frozen=True, slots=True)
class More:
    """The bytes so far may still become a poll."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The first `used` bytes are a poll.

    Attributes:
        what: one of the polls above.
        head_only: whether the answer has no body.
        close: whether the connection ends after the answer.
    """

    what: str
    used: int
    head_only: bool = False
    close: bool = False


@dataclass(frozen=True, slots=True)
class HandOver:
    """The gateway takes the connection, with the bytes so far."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The connection ends, with this status if it is HTTP."""

    status: int


Decision = More | Answer | HandOver | Refuse
_MORE, _HAND_OVER, _BAD = More(), HandOver(), Refuse(400)


@dataclass(frozen=True, slots=True)
class Http:
    """The rules for HTTP.

    Attributes:
        hosts: names of this machine, beside localhost and addresses.
        authorised: returns whether a request's secrets suffice; always True if no token is needed.
    """

    hosts: Collection[str] = ()
    authorised: Callable[[Collection[str]], bool] = lambda _: True

    def decide(self, data: bytes) -> Decision:
        """Returns what to do after the bytes `data`, which begin a request."""
        if not data:
            return _MORE
        if data[0] not in _METHOD:  # TLS, for one
            return _BAD
        end = _END.search(data)
        if end is None:
            return _HAND_OVER if len(data) >= PREFIX else _MORE
        first, *lines = data[: end.start() + 1].removesuffix(b"\n").removesuffix(b"\r").split(b"\r\n")
        if any(b"\n" in line or line[:1] in (b" ", b"\t") for line in (first, *lines)):
            return _HAND_OVER  # lines without CR, which some programs write, and continuation lines
        request = _REQUEST.fullmatch(first)
        return self._request(request, lines, end.end()) if request else _BAD

    def _request(self, request: re.Match[bytes], lines: list[bytes], used: int) -> Decision:
        method, target, minor = request.groups()
        pairs = []
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or not _NAME.fullmatch(name) or _NO_VALUE.search(value):
                return _BAD
            pairs.append((name, value))
        headers = headers_of(pairs)
        hosts = [name for name, _ in pairs if name.lower() == b"host"]
        if len(hosts) > 1 or {"content-length", "transfer-encoding"} <= set(headers):
            return _BAD
        if not is_allowed(headers.get("host", ""), self.hosts):
            return Refuse(403)
        if target not in _POLLS or method not in (b"GET", b"HEAD") or not _NOT_A_POLL.isdisjoint(headers):
            return _HAND_OVER
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _HAND_OVER
        what = target.decode()
        sent = sent_secrets(headers.get("authorization", ""), headers.get("x-api-key", ""))
        if what != HEALTH and not self.authorised(sent):
            return Refuse(401)
        options = [option.strip() for option in headers.get("connection", "").lower().split(",")]
        return Answer(what, used, method == b"HEAD", minor == b"0" or "close" in options)


@dataclass(frozen=True, slots=True)
class Wyoming:
    """The rules for Wyoming, which has neither names nor tokens."""

    def decide(self, data: bytes) -> Decision:
        """Returns what to do after the bytes `data`, which begin an event: a line of JSON, and its data."""
        if not data:
            return _MORE
        if not data.startswith(b"{"):
            return _BAD
        line, newline, _ = data.partition(b"\n")
        if not newline:
            return _HAND_OVER if len(data) >= PREFIX else _MORE
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return _BAD
        if not isinstance(event.get("type"), str):
            return _BAD
        if event["type"] != "describe" or event.get("data_length") or event.get("payload_length"):
            return _HAND_OVER
        return Answer(INFO, len(line) + 1)


Rules = Http | Wyoming

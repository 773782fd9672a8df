"""Failures as OpenAI's API reports them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import json
import math

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError, sentence
from starlette.requests import Request
from starlette.responses import Response

# Replaces statuses of the table in hushd_protocol.errors that OpenAI's clients would not understand.
_STATUS = {"output_failed": 507, "no_device": 503, "cancelled": 503, "slow_consumer": 503}
# Advice that a program can follow over HTTP.
WORDS = {"list_voices": "GET /v1/audio/voices lists them", "list_cards": "GET /v1/activity lists them"}
RETRIED = (408, 409, 429)  # OpenAI's packages repeat a request with these statuses, or one from 500 on, twice
_STEPS = "` and `"  # text between commands that bring a model with its engine
LEAVING = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
_CODES = {"model_missing": "model_not_found", "engine_missing": "model_not_found", "too_large": "request_too_large"}


class ApiError(Exception):
    """A request that cannot be served.

    Attributes:
        message: one sentence: what happened and what to do.
        retry_after: seconds after which to ask again.
        is_final: whether the same request would fail again: no program need repeat it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        is_final: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.is_final = is_final

    @classmethod
    def of(cls, error: HushdError) -> ApiError:
        """Returns the error as OpenAI's API would report it."""
        if error.code == "no_supervisor":
            error = LEAVING  # the gateway serves one supervisor, and starts no other
        status = _STATUS.get(error.code, error.http_status)
        retry_after_s = None
        if error.retry_after_ms is not None:
            retry_after_s = max(1, math.ceil(error.retry_after_ms / 1000))
        elif status in (429, 503):
            retry_after_s = 1
        message = sentence(error, WORDS)
        if status == 404:
            message = message.replace(_STEPS, " && ")  # one line to paste
        code = _CODES.get(error.code, error.code)
        return cls(status, message, None, code, retry_after_s, is_final=not error.retryable)

    @property
    def kind(self) -> str:
        """OpenAI's `type`."""
        if self.status == 429:
            return "rate_limit_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def data(self) -> JsonObject:
        """The object for `error`."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}

    def response(self) -> Response:
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.is_final and (self.status in RETRIED or self.status >= 500):
            headers["x-should-retry"] = "false"
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        body = json.dumps({"error": self.data()}, ensure_ascii=False).encode("utf-8", "replace")
        return Response(body, self.status, headers, "application/json")


def bad(message: str, param: str | None = None) -> ApiError:
    """Returns the 400 for a malformed request."""
    return ApiError(400, message, param, "invalid_value" if param else "bad_request")


async def answer(request: Request, error: Exception) -> Response:
    """Handles `ApiError` and `HushdError` for Starlette, which would run a handler that is not async in a thread."""
    return (error if isinstance(error, ApiError) else ApiError.of(_hushd(error))).response()


def _hushd(error: Exception) -> HushdError:
    assert isinstance(error, HushdError)
    return error

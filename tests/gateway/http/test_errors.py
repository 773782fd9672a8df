"""Failures of hushd as OpenAI's clients get them."""

from __future__ import annotations

from hushd_gateway.http.errors import ApiError
from hushd_protocol.errors import HushdError


def test_a_stopped_worker_is_a_failure_to_be_tried_again() -> None:
    """OpenAI's clients repeat a 503, after the seconds in Retry-After, and the code says what happened."""
    error = ApiError.of(HushdError("worker_stopped", "The worker was stopped; ask again."))
    assert (error.status, error.kind, error.code) == (503, "server_error", "worker_stopped")
    assert error.response().headers["Retry-After"] == "1"

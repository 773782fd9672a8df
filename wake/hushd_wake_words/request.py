"""The request that detects words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hushd.transport import requests
from hushd.transport.requests import KeepAlive
from hushd_protocol import JsonObject
from hushd_protocol.messages import Request
from hushd_worker_wake.operation import DETECT


def detect_request(
    words: Sequence[str],
    rate: int,
    channels: int,
    engine: str | None,
    model: str | None,
    threshold: float | None,
    keep_alive: KeepAlive,
    priority: str,
) -> Request:
    """Returns the request; see `Client.detect`.

    Raises:
        HushdError: `bad_request` for invalid words or numbers.
    """
    given: JsonObject = {"words": list(words) or None, "threshold": threshold, "rate": rate, "channels": channels}
    params = DETECT.read(given)
    request = requests.request("wake", DETECT.name, params, engine, model, keep_alive, priority)
    return replace(request, session=True)

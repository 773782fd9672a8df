"""The request that detects words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from hushd.transport import requests
from hushd_protocol import JsonObject
from hushd_protocol.messages import Request
from hushd_worker_wake.operation import DETECT

if TYPE_CHECKING:
    from hushd.exchange.options import WorkerOptions


def detect_request(
    words: Sequence[str],
    *,
    rate: int = 16_000,
    channels: int = 1,
    threshold: float | None = None,
    **options: Unpack[WorkerOptions],
) -> Request:
    """Returns the request; see `Client.detect`.

    Raises:
        HushdError: `bad_request` for invalid words or numbers.
    """
    given: JsonObject = {"words": list(words) or None, "threshold": threshold, "rate": rate, "channels": channels}
    params = DETECT.read(given)
    request = requests.request("wake", DETECT.name, params, **options)
    return replace(request, session=True)

"""Requests to the worker for models, such as a download, and its reports of progress."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hushd_models import hf_cache
from hushd_protocol.limits import CREDIT_WINDOW
from hushd_protocol.messages import Partial, Progress, Request, Result

from .call import new_id
from .connection import Connection
from .retry import RetryingCall

OnProgress = Callable[[str, float, float], None]


def pull(
    connect: Callable[[], Connection], model: str, update: bool = False, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Downloads `model`, from the endpoint in this process's environment. Raises as `ask` does."""
    params: dict[str, Any] = {"model": model}
    if update:
        params["update"] = True
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if endpoint and "@" not in endpoint:  # a password stays where it is
        params["endpoint"] = endpoint
    if "HF_HUB_OFFLINE" in os.environ:
        params["offline"] = hf_cache.offline()
    return ask(connect, "pull", params, on_progress)


def ask(
    connect: Callable[[], Connection], op: str, params: dict[str, Any], on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Sends `op` to the worker; returns the data of its result.

    Args:
        on_progress: called with a description of the step, its bytes so far, and its bytes in all (0 while unknown).

    Raises:
        HushdError: see `hushd_worker_models`.
    """
    # No chunks will come; but a client that grants no credit is taken for one that has stopped reading, after 15 s.
    request = Request(id=new_id(), worker="models", op=op, params=params, input="none", credit=CREDIT_WINDOW)
    what, done, total = "", 0.0, 0.0
    for message in RetryingCall(connect, request, None):
        match message:
            case Result():
                return message.data
            case Partial():
                what = str(message.data.get("text", ""))
            case Progress():
                done, total = message.done, message.total
        if on_progress:
            on_progress(what, done, total)
    raise AssertionError("a call ends with a result")

"""Requests to the worker for models, such as a download, and its reports of progress."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.limits import CREDIT_WINDOW
from hushd_protocol.messages import Message, Partial, Progress, Request, Result

from .call import new_id

if TYPE_CHECKING:
    from hushd_schema.operations.models import ModelResult

OnProgress = Callable[[str, float, float], None]


def result(message: Result) -> ModelResult:
    """Returns the model that a result describes."""
    from hushd_schema.operations.models import ModelResult

    return ModelResult.from_data(message.data)


def request(op: str, params: JsonObject) -> Request:
    """Returns the request for `op`."""
    # No chunks will come; but a client that grants no credit is taken for one that has stopped reading, after 15 s.
    return Request(id=new_id(), worker="models", op=op, params=params, input="none", credit=CREDIT_WINDOW)


def pull_params(model: str, update: bool = False) -> JsonObject:
    """Returns the parameters of a download, from the endpoint in this process's environment."""
    params: JsonObject = {"model": model}
    if update:
        params["update"] = True
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if endpoint and "@" not in endpoint:  # a password stays where it is
        params["endpoint"] = endpoint
    if "HF_HUB_OFFLINE" in os.environ:
        from hushd_models import hf_cache  # for a download alone

        params["offline"] = hf_cache.offline()
    return params


def import_params(path: str | os.PathLike[str], name: str, engine: str | None) -> JsonObject:
    """Returns the parameters of an import."""
    return {"path": os.path.abspath(path), "name": name, "engine": engine or ""}


class Report:
    """Reports the messages of a request as progress."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._what, self._done, self._total = "", 0.0, 0.0

    def __call__(self, message: Message) -> None:
        match message:
            case Partial():
                self._what = str(message.data.get("text", ""))
            case Progress():
                self._done, self._total = message.done, message.total
        if self._on_progress:
            self._on_progress(self._what, self._done, self._total)

"""What a program asks of the worker for models: to bring one here, and to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hushd_protocol.limits import CREDIT_WINDOW
from hushd_protocol.messages import Partial, Progress, Request, Result

from .call import new_id
from .connection import Connection
from .exchange import Exchange

OnProgress = Callable[[str, float, float], None]


def ask(
    connect: Callable[[], Connection], op: str, params: dict[str, Any], on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Has the worker do `op`; returns what its result says.

    Args:
        on_progress: called with what is being done, and the bytes of it that are done and in all (0 while unknown).

    Raises:
        HushdError: see `hushd_worker_models`.
    """
    # No chunks will come; but who grants none is taken for one who has stopped reading, after 15 s.
    request = Request(id=new_id(), worker="models", op=op, params=params, input="none", credit=CREDIT_WINDOW)
    what, done, total = "", 0.0, 0.0
    for message in Exchange(connect, request, None):
        match message:
            case Result():
                return message.data
            case Partial():
                what = str(message.data.get("text", ""))
            case Progress():
                done, total = message.done, message.total
        if on_progress:
            on_progress(what, done, total)
    raise AssertionError("an exchange ends with a result")

"""Names of workers, and the checks that a request must pass before any worker gets it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_protocol.messages import Request
from hushd_protocol.names import COMPUTE_DEVICES, NAME, ROLES, is_compute_device
from hushd_schema.settings import Settings

if TYPE_CHECKING:
    from hushd_schema.description import RoleDescription

INPUTS = ("inline", "path", "stream", "none")

_NAME = re.compile(rf"[a-z]+(/{NAME}){{0,2}}", re.ASCII)


def check(message: Request) -> None:
    """Checks the fields that all workers share.

    Raises:
        HushdError: `bad_request`.
    """
    if message.priority not in PRIORITIES:
        raise HushdError("bad_request", f"The priority must be one of {', '.join(PRIORITIES)}.")
    if message.input not in INPUTS:
        raise HushdError("bad_request", f"The input must be one of {', '.join(INPUTS)}.")
    if message.input == "path" and not message.path.startswith("/"):
        raise HushdError("bad_request", "A path must be absolute.")
    if not message.op:
        raise HushdError("bad_request", "The request names no operation.")
    if message.compute_device and not is_compute_device(message.compute_device):
        raise HushdError("bad_request", f"The compute_device must be {COMPUTE_DEVICES}.")
    if message.deadline_ms is not None and message.deadline_ms <= 0:
        raise HushdError("bad_request", "deadline_ms must be above 0.")
    if message.keep_alive is not None and not math.isfinite(message.keep_alive):
        raise HushdError("bad_request", "keep_alive must be a number of seconds, 0, or -1 for no end.")


def resolve(worker: str, settings: Settings, catalogues: Mapping[str, RoleDescription]) -> str | None:
    """Completes a name to `role/engine/model`; None if that takes a catalogue that is not known yet.

    Raises:
        HushdError: `bad_request` if it is not a worker's name.
    """
    if not _NAME.fullmatch(worker):
        raise HushdError("bad_request", f"{worker[:80]!r} is not a worker: use a name such as stt or tts/hibari/en.")
    role, *parts = worker.split("/")
    if role not in ROLES:
        raise HushdError("bad_request", f"{role} is not a role: use one of {', '.join(ROLES)}.")
    if len(parts) == 2:
        return worker
    engine, _, model = settings.default_model(role).partition("/")
    if not parts or parts[0] == engine:
        return f"{role}/{engine}/{model}"
    if role not in catalogues:
        return None
    for described in catalogues[role].engines:
        if described.name == parts[0]:
            return f"{worker}/{described.default_model}"
    return f"{worker}/default"  # the worker itself best reports that it lacks such an engine

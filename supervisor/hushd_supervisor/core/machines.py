"""Clients on other machines: the names of theirs, and what they may ask for.

They speak and listen with our engines, see the status, and end idle workers. They never have a file of this machine
opened, and what concerns the supervisor itself, other programs' jobs, or the graphics cards is left to this machine.
"""

from __future__ import annotations

from dataclasses import replace

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError

NUMBER = 5  # bytes of libzmq's own route, the last ones of any; it begins with a zero
_MARK = b"@"
_CONTROLS = ("status", "describe", "unload", "stop", "cancel", "pause", "resume")
_PULL = ("model", "update")  # parameters; the address to download from is this machine's


def machine(route: bytes) -> str:
    """The name of the machine that a client's route comes from; empty for this one."""
    return route[1:-NUMBER].decode() if route[:1] == _MARK else ""


def route_from(machine: str, number: bytes) -> bytes:
    """The route of a client on another machine; `number` is libzmq's."""
    return _MARK + machine.encode() + number


def refusal(message: m.Message, auto_pull: bool) -> HushdError | None:
    """The answer to a message of another machine that asks for what it may not have; None where it may.

    Args:
        auto_pull: whether the configuration lets a request download a model.
    """
    match message:
        case m.Request(input="path"):
            return HushdError("path_unreachable", "A file of another machine cannot be opened here: send its bytes.")
        case m.Request() if message.worker.partition("/")[0] == "models" and message.op != "warm":
            if message.op != "pull":
                return _reserved("Models are imported and converted")
            if not auto_pull:
                return _reserved("While its configuration does not say auto_pull, models are downloaded")
        case m.Control(action="unload", force=True):
            return _reserved("Jobs of other programs are ended")
        case m.Control() if message.action not in _CONTROLS:
            return _reserved(f"`hushd {message.action[:20]}` is obeyed")
    return None


def as_ours(message: m.Message) -> m.Message:
    """`message` without the parameters that are for this machine to choose."""
    if isinstance(message, m.Request) and message.op == "pull":
        return replace(message, params={key: message.params[key] for key in _PULL if key in message.params})
    return message


def _reserved(what: str) -> HushdError:
    return HushdError("unauthorised", f"{what} only on the machine that hushd runs on: do that there.")

"""Turns an action that the system has refused into an event, or an answer to the client that asked; pure."""

from __future__ import annotations

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.messages import Error

from . import actions as do
from . import events as ev


def of(action: do.Action, error: BaseException) -> list[ev.Event | do.ToClient]:
    """Returns what follows from the failure of `action`: nothing where a file or a probe is merely missing."""
    why = reason(error)
    match action:
        case do.Spawn(worker, gen):
            return [ev.SpawnFailed(worker, gen, why, transient=True)]
        case do.ToWorker(worker, gen):
            return [ev.SendFailed(worker, gen)]
        case do.Describe(role):
            return [ev.Described(role, error=f"{why}.")]
        case do.ProbeCards():
            return [ev.CardsProbed(error=why)]
        case do.Relieve():
            return [ev.Relieved()]
        case do.ToClient(route):
            return [ev.ClientGone(route)]
        case do.Configure(route, id) | do.Listen(route, id) | do.ReportStatus(route, id) | do.ReportMemory(route, id):
            return [do.ToClient(route, Error.of(id, scarce(error)))] if route else []
    return []


def scarce(error: BaseException) -> HushdError:
    """Returns the error of a request for which the system refuses something now."""
    sentence = f"The system refuses what hushd needs for this ({reason(error)}): ask again in a moment."
    return HushdError("server_busy", sentence, 1000)

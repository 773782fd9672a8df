"""Ray's exceptions as hushd's errors."""

from __future__ import annotations

from hushd_protocol.errors import HushdError, reason
from ray import exceptions
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

# The node, or Ray's process on it, died during the request.
_LOST = (
    exceptions.RayActorError,
    exceptions.NodeDiedError,
    exceptions.WorkerCrashedError,
    exceptions.ObjectLostError,
    exceptions.RpcError,
)


def of(error: BaseException) -> HushdError:
    """Returns an error as `HushdError`; one from a node's supervisor is returned unchanged."""
    cause = getattr(error, "cause", None)
    if isinstance(error, HushdError) and cause is None:
        return error
    if isinstance(cause, HushdError):
        return cause
    if isinstance(error, BackPressureError):
        return HushdError("overloaded", "The cluster's queue is full: please try again later.")
    if isinstance(error, _LOST):
        return HushdError("supervisor_lost", "The node that served this request has gone: please try again.")
    if isinstance(error, exceptions.OutOfMemoryError):
        return HushdError("server_busy", "The node has no memory for this request: please try again later.")
    if isinstance(error, DeploymentUnavailableError):
        return HushdError("no_supervisor", "The cluster serves no requests now: `hushd cluster status` says why.")
    return HushdError("worker_failed", f"The cluster failed at this request ({reason(error)}).")

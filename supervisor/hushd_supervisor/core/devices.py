"""The device that a request names, and whether its worker moves there; pure.

An engine that only computes on the CPU ignores the choice: its process would be replaced by one that computes in the
same place. The process answers as it is, and the result says so.
"""

from __future__ import annotations

from hushd_protocol.cards import kind_of
from hushd_protocol.errors import HushdError

from .worker.request import ActiveRequest
from .worker.worker import Worker

_ANY, _CPU = ("", "auto"), "cpu"


def settle(request: ActiveRequest, worker: Worker) -> None:
    """Decides on the device of a request that is about to be given to `worker`.

    Raises:
        HushdError: `unsupported` for a kind of card that no build of its engine can use, unless another worker has
            handed the request on.
    """
    device = request.device = request.message.compute_device
    request.unused_device = ""
    if device in _ANY:
        return
    kinds, engine = worker.card_kinds, f"the engine {worker.name.split('/')[1]}"
    if not kinds:
        request.device = ""
        request.unused_device = "" if device == _CPU else f"{engine} computes on the CPU alone"
    elif kind_of(device) not in (*kinds, _CPU):
        usable = f"{', '.join((_CPU, *kinds[:-1]))} or {kinds[-1]}"
        if not request.degraded:
            refusal = f"{engine[:1].upper()}{engine[1:]} cannot compute on {device}: ask for {usable}."
            raise HushdError("unsupported", refusal)
        request.device, request.unused_device = "", f"{engine} can only use {usable}"

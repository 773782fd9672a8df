"""Another machine at the end of a client's way, and the devices that it lends: what the plugin `remote` adds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from hushd.plugins import needed

if TYPE_CHECKING:
    from hushd_protocol.system.paths import Paths

    from .connection import Connection

ENDPOINT = "HUSHD_ENDPOINT"  # the variable that names the machine which is asked
DEVICES = "HUSHD_DEVICES"  # the variable that names the machine whose devices are used
HERE = "here"  # its value for the devices of this machine


class Machine(Protocol):
    """A machine that an endpoint names, or that has attached itself to this one.

    Attributes:
        place: its name, for people.
        devices: the module that uses its loudspeaker and microphone by a link (`listed`, `open_microphone`,
            `open_loudspeaker`); None: it lends none.
    """

    place: str
    devices: Any

    def connect(self, holder: str | None) -> Connection:
        """Connects to the supervisor there. Raises HushdError, with the cause in one sentence."""


def find_machine(endpoint: str | None, here: Paths) -> Machine | None:
    """Returns the machine that `endpoint`, or else HUSHD_ENDPOINT, names, or that has attached itself and lends its
    models; None for this one.

    Raises:
        HushdError: `engine_missing` without the plugin, `bad_request` for what is not an endpoint.
    """
    address = os.environ.get(ENDPOINT) if endpoint is None else endpoint
    if address == "" or (address is None and not _has_guests(here)):
        return None
    machine: Machine | None = needed("machine", "remote", address or _ATTACHED)(address, here)
    return machine


def find_lender(here: Paths) -> str:
    """Returns the endpoint of the machine whose devices are to be used; empty where they are this one's.

    Raises:
        HushdError: `engine_missing` without the plugin.
    """
    if os.environ.get(DEVICES) in ("", HERE) or not _has_guests(here):
        return ""
    return str(needed("lender", "remote", _ATTACHED)(here))


_ATTACHED = "A machine that is attached to this one"


def _has_guests(here: Paths) -> bool:
    """Returns whether machines may be attached to this one: their folder is there, and not empty."""
    try:
        return bool(os.listdir(here.attached))
    except OSError:
        return False

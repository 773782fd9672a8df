"""Another machine at the end of a client's way, and the devices that it lends: what the plugin `remote` adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import entry_points, loaded

if TYPE_CHECKING:
    from hushd_protocol.system.paths import Paths

    from .connection import Connection


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


def find_machine(address: str | None, here: Paths) -> Machine | None:
    """Returns the machine at an endpoint; without one, that which has attached itself and lends its models, or None.

    Raises:
        HushdError: `engine_missing` without the plugin, `bad_request` for what is not an endpoint.
    """
    machine: Machine | None = _remote("machine", address or _ATTACHED)(address, here)
    return machine


def find_lender(here: Paths) -> str:
    """Returns the endpoint of the attached machine whose devices are to be used; empty where there is none.

    Raises:
        HushdError: `engine_missing` without the plugin.
    """
    return str(_remote("lender", _ATTACHED)(here))


_ATTACHED = "A machine that is attached to this one"


def _remote(name: str, what: str) -> Callable[..., Any]:
    """Returns a function that the plugin adds.

    Args:
        what: the subject of the sentence where the plugin is not installed.

    Raises:
        HushdError: `engine_missing`, with the line that installs it.
    """
    if target := entry_points("hushd.client").get(name):
        function: Callable[..., Any] = loaded(target)
        return function
    from hushd_models.installation import plugin_needed

    raise HushdError("engine_missing", plugin_needed("remote", what))

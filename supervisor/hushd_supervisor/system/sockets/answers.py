"""Messages to clients, of this machine and of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.machines import machine

from ..source import Outcome, Perform, Source
from .client_socket import ClientSocket

if TYPE_CHECKING:
    from ..remote.remote import Remote


class Answers(Source):
    """Sends each message by the socket of its client.

    Args:
        here: this machine's clients.
        elsewhere: those of other machines, where they may come.
    """

    def __init__(self, here: ClientSocket, elsewhere: Remote | None = None) -> None:
        self._here = here
        self._elsewhere = elsewhere

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ToClient: self._send}

    def _send(self, action: ToClient) -> Iterable[Outcome]:
        sender = self._elsewhere if self._elsewhere and machine(action.route) else self._here
        gone = sender.send(action.route, action.message)
        return (gone,) if gone else ()

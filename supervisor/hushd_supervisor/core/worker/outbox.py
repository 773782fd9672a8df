"""The actions that one worker has decided on."""

from __future__ import annotations

from hushd_supervisor.core.actions import Action


class Outbox(list[Action]):
    """Actions in order: `Lifecycle` and `Jobs` append them, and the method that took the event returns them."""

    def take(self) -> list[Action]:
        """Empties the outbox and returns its actions."""
        actions = self.copy()
        self.clear()
        return actions

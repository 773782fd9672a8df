"""The actions of one worker on their way out."""

from __future__ import annotations

from hushd_supervisor.core.actions import Action


class Outbox(list[Action]):
    """Actions in their order: `Lifecycle` and `Jobs` append them, and whoever was given an event returns them."""

    def take(self) -> list[Action]:
        """Empties the outbox and returns its actions."""
        actions = self.copy()
        self.clear()
        return actions

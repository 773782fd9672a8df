"""Asking again when the supervisor was lost, without one."""

from __future__ import annotations

from typing import cast

import pytest
from hushd import HushdError
from hushd.transport import retry
from hushd.transport.connection import Connection


class Supervisors:
    """Supervisors of which the first `lost` go away when they are asked."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.asked = 0

    def connect(self) -> Connection:
        return cast("Connection", self)

    def ask(self, connection: Connection) -> int:
        self.asked += 1
        if self.asked <= self.lost:
            raise HushdError("supervisor_lost", "It went away.")
        return self.asked


def test_several_supervisors_in_a_row_may_go_away() -> None:
    """The one that stays answers."""
    supervisors = Supervisors(lost=4)
    assert retry.with_connection(supervisors.connect, supervisors.ask) == 5


def test_supervisors_that_never_stay_are_an_error_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once more is tried at least, however long the first took to go away; then the loss is raised."""
    monkeypatch.setattr(retry, "AGAIN_S", 0.0)
    supervisors = Supervisors(lost=9)
    with pytest.raises(HushdError, match="It went away"):
        retry.with_connection(supervisors.connect, supervisors.ask)
    assert supervisors.asked == 2


def test_other_errors_are_not_asked_again() -> None:
    """A refusal stays one."""

    def refuse(connection: Connection) -> None:
        raise HushdError("bad_request", "No.")

    with pytest.raises(HushdError, match="No"):
        retry.with_connection(Supervisors(0).connect, refuse)

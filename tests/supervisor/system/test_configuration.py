"""Tests of the configuration that is read again, with followers of the tests' own."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Error, Result
from hushd_schema.settings import Settings
from hushd_supervisor.core.actions import Configure, ToClient
from hushd_supervisor.core.events import Configured
from hushd_supervisor.system.configuration import Configuration
from hushd_supervisor.system.source import Outcome

ROUTE, ID = b"route", bytes(16)
OLD, NEW = Settings(exit_when_idle=1.0), Settings(exit_when_idle=2.0)


class Follower:
    """Follows all settings but `refused`."""

    def __init__(self, refused: Settings | None = None, error: Exception | None = None) -> None:
        self.refused = refused
        self.error = error or HushdError("bad_request", "The address is taken.")
        self.followed: list[Settings] = []

    def configure(self, settings: Settings) -> None:
        if settings == self.refused:
            raise self.error
        self.followed.append(settings)


def ask(*followers: Follower, error: str = "", route: bytes = ROUTE) -> tuple[list[Outcome], list[tuple[str, str]]]:
    """The result of NEW instead of OLD, and the log."""
    log: list[tuple[str, str]] = []

    def read() -> Settings:
        if error:
            raise HushdError("bad_request", error)
        return NEW

    configuration = Configuration(OLD, read, followers, lambda level, text: log.append((level, text)))
    return list(configuration.actions()[Configure](Configure(route, ID))), log


def test_all_follow_and_the_pool_is_told_after_the_client() -> None:
    """Each follower has the new settings; the client that asked has its answer before anything follows from them."""
    followers = Follower(), Follower()
    outcomes, log = ask(*followers)
    assert [follower.followed for follower in followers] == [[NEW], [NEW]]
    assert outcomes == [ToClient(ROUTE, Result(id=ID)), Configured(NEW)]
    assert log == []


@pytest.mark.parametrize("position", [0, 1, 2])
def test_where_one_cannot_follow_nothing_changes(position: int) -> None:
    """Those before it have their old settings again, those after it have heard nothing, and nor has the pool."""
    followers = [Follower() for _ in range(3)]
    followers[position].refused = NEW
    outcomes, log = ask(*followers)
    assert [follower.followed for follower in followers] == [[NEW, OLD]] * position + [[]] * (3 - position)
    assert outcomes == [ToClient(ROUTE, Error.of(ID, HushdError("bad_request", "The address is taken.")))]
    assert log == [("error", "the configuration stays as it was: The address is taken.")]


def test_a_file_that_is_wrong_changes_nothing() -> None:
    """Its error is the answer."""
    follower = Follower()
    (outcome,), _ = ask(follower, error="queue must be a whole number.")
    assert isinstance(outcome, ToClient)
    assert isinstance(outcome.message, Error)
    assert follower.followed == []


def test_a_signal_has_no_answer() -> None:
    """A reload by SIGHUP tells the pool alone."""
    assert ask(Follower(), route=b"")[0] == [Configured(NEW)]


def test_a_configuration_for_which_there_is_no_descriptor_changes_nothing() -> None:
    """Whoever has followed it already has the old one again, and the client may ask again."""
    first, second = Follower(), Follower(NEW, OSError(24, "Too many open files"))
    (outcome,), log = ask(first, second)
    assert first.followed == [NEW, OLD]
    assert isinstance(outcome, ToClient)
    assert isinstance(outcome.message, Error)
    assert outcome.message.code == "server_busy"
    assert [level for level, _ in log] == ["error"]

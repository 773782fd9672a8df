"""The order of the actions that cost."""

from __future__ import annotations

from hushd_supervisor.core import actions as do
from hushd_supervisor.core.backlog import Backlog
from hushd_supervisor.core.events import Exited

NAME = "stt/a/x"


def filled(count: int) -> Backlog:
    """A backlog of so many starts."""
    backlog = Backlog()
    for gen in range(1, count + 1):
        assert backlog.add(do.Spawn(NAME, gen)) is None
    return backlog


def taken(backlog: Backlog) -> list[do.Action]:
    """All that is to be done, in order."""
    found = []
    while backlog:
        action = backlog.take()
        assert action
        found.append(action)
    assert backlog.take() is None
    return found


def test_kills_go_before_starts() -> None:
    """A hung process is ended before others are started, whoever asked first; needs are saved once, the last ones."""
    backlog = filled(2)
    for action in (do.Kill(NAME, 7), do.Remember({"a": 1}), do.Look(), do.Remember({"a": 2})):
        backlog.add(action)
    expected = [do.Kill(NAME, 7), do.Look(), do.Remember({"a": 2}), do.Spawn(NAME, 1), do.Spawn(NAME, 2)]
    assert taken(backlog) == expected


def test_a_process_that_was_killed_before_its_start_is_not_started() -> None:
    """Its end is reported at once, as that of a process that ran."""
    backlog = filled(2)
    assert backlog.add(do.Kill(NAME, 1)) == Exited(NAME, 1, -9)
    assert taken(backlog) == [do.Spawn(NAME, 2)]
    assert backlog.add(do.Kill(NAME, 2)) is None
    assert taken(backlog) == [do.Kill(NAME, 2)]


def test_who_leaves_starts_nothing_more() -> None:
    """The rest is carried out, without the starts."""
    backlog = filled(2)
    backlog.add(do.Kill(NAME, 7))
    assert backlog.rest() == [do.Kill(NAME, 7)]
    assert not backlog

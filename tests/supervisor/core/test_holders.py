"""Names of holders and programs: bounded, and fixed for the life of a connection."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_protocol.limits import MAX_HOLDER
from hushd_supervisor.core.connections import QUIET_PONGS, Connections


def connections() -> Connections:
    return Connections(m.Welcome(protocol=1, version="1"))


def hello(holder: str | None, program: str = "") -> m.Hello:
    return m.Hello(protocol=1, version="1", holder=holder, program=program)


def test_a_long_name_is_refused() -> None:
    """Its bytes count, not its characters; a name of the longest length is taken."""
    known = connections()
    (action,) = known.hello(b"r", hello("ü" * (MAX_HOLDER // 2 + 1)))
    assert isinstance(action.message, m.Error)  # type: ignore[union-attr]
    assert action.message.code == "too_large"  # type: ignore[union-attr]
    assert b"r" not in known
    known.hello(b"r", hello("ü" * (MAX_HOLDER // 2)))
    assert b"r" in known


def test_a_program_is_found_by_its_name_and_by_its_holder() -> None:
    """The name is what people see; an older client says none, and is known by its holder or as its connection."""
    known = connections()
    for route, said in ((b"1", hello("cli", "say")), (b"2", hello("cli")), (b"3", hello(None))):
        known.hello(route, said)
    assert [known[route].program for route in (b"1", b"2", b"3")] == ["say", "cli", "connection-3"]
    assert (known.of("say"), known.of("cli"), known.of("connection-3")) == ({b"1"}, {b"1", b"2"}, {b"3"})
    (action,) = known.hello(b"4", hello("cli", "ü" * MAX_HOLDER))
    assert action.message.code == "too_large"  # type: ignore[union-attr]


def test_a_second_hello_changes_nothing() -> None:
    """The holder, to whom leases belong, stays, and so does the count of pings that it has not answered."""
    known = connections()
    known.hello(b"r", hello("first"))
    known.ping_round(lambda _: True)
    (action,) = known.hello(b"r", hello(None))
    assert isinstance(action.message, m.Welcome)  # type: ignore[union-attr]
    connection = known[b"r"]
    assert (connection.holder, connection.own_holder) == ("first", False)
    assert [quiet for _ in range(QUIET_PONGS) for quiet in known.ping_round(lambda _: True)[1]] == [b"r"]

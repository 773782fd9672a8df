"""Tests of the door: real sockets and real processes, with a small gateway in place of hushd's."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Error, Result
from hushd_protocol.system import uploads
from hushd_protocol.system.paths import find, prepare_state
from hushd_schema.settings import HttpSettings, Settings, WyomingSettings
from hushd_supervisor.core.actions import Listen
from hushd_supervisor.core.events import ClientGone, Exited, Visited
from hushd_supervisor.system import listeners
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.door import GATEWAY_END_TIMEOUT_S, Door
from hushd_supervisor.system.on_demand import RESTART_DELAY_S
from hushd_supervisor.system.process import Child
from support.descriptors import none_left
from support.peer import BOUND_S

GATEWAY = (sys.executable, "-I", "-S", str(Path(__file__).with_name("small_gateway.py")))
ROUTE = b"client"


class Doorway:
    """A door in a loop of its own: its time, its log, and whether it has told the pool that it needs the supervisor."""

    def __init__(self, flags: Sequence[str] = (), passed: Sequence[tuple[str, int]] = ()) -> None:
        self.now = 1000.0
        self.log: list[tuple[str, str]] = []
        self.visits: list[bool] = []
        self.poller = zmq.Poller()
        prepare_state(find())  # for the gateway's log
        self.door = Door(
            Children(self.poller, Child),
            find(),
            lambda *line: self.log.append(line),
            passed,
            command=(*GATEWAY, *flags),
        )
        self.open: list[socket.socket] = []

    def turn(self, ms: int = 10) -> None:
        events = [*self.door.on_time(self.now), *self.door.events(dict(self.poller.poll(ms)), self.now)]
        self.visits += [event.needed for event in events if isinstance(event, Visited)]

    def until(self, condition: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < end, f"{what}; {self.log}"
            self.turn()

    def connect(self, number: int = 0) -> socket.socket:
        where = self.door.listeners[number].socket
        connection = socket.socket(where.family)
        connection.connect(where.getsockname())
        connection.setblocking(False)
        self.open.append(connection)
        return connection

    def read(self, connection: socket.socket, until: bytes = b"") -> bytes:
        """The bytes of a connection up to its end, or the ones that end so."""
        found, ended = b"", False

        def more() -> bool:
            nonlocal found, ended
            try:
                part = connection.recv(1000)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                part = b""
            found, ended = found + part, not part
            return ended or bool(until and found.endswith(until))

        self.until(more, f"only {found!r}")
        return found

    def ask(self, number: int = 0) -> tuple[int, str]:
        """The gateway's process and the kind and address that it knows, by a connection of its own."""
        connection = self.connect(number)
        connection.sendall(b"ask.")
        pid, _, rest = self.read(connection).decode().partition(" ")
        return int(pid or 0), rest

    def begin(self, number: int = 0) -> socket.socket:
        """A connection on which the gateway works, until it is sent a byte."""
        connection = self.connect(number)
        connection.sendall(b"work")
        assert self.read(connection, b"begun ") == b"begun "
        return connection

    @property
    def pid(self) -> int | None:
        status = self.door.status()
        return status.gateway.pid if status else None

    @property
    def addresses(self) -> list[str]:
        status = self.door.status()
        return [listener.address for listener in status.listeners] if status else []

    def close(self) -> None:
        self.door.close()
        for connection in self.open:
            connection.close()


@pytest.fixture
def doorway(runtime: Path) -> Iterator[Callable[..., Doorway]]:
    made: list[Doorway] = []

    def make(*flags: str, listen: Sequence[str] = ("unix", "unix"), **options: Any) -> Doorway:
        made.append(Doorway(flags, **options))
        if listen:
            made[-1].door.configure(settings(*(f"unix://{runtime}/{number}" for number, _ in enumerate(listen))))
        return made[-1]

    yield make
    for each in made:
        each.close()


def settings(*http: str, **others: Any) -> Settings:
    return Settings(http=HttpSettings(listen=http), **others)


Make = Callable[..., Doorway]


def test_a_person_at_a_terminal_reads_where_to_go(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`hushd serve` prints a line for each address that a person or a program can open; for a socket's path none."""
    made = Doorway()
    try:
        door = {"wyoming": WyomingSettings(listen=("tcp://127.0.0.1:0",))}
        made.door.configure(settings(f"unix://{runtime}/0", "http://127.0.0.1:0", **door))
        made.door.invite()
    finally:
        made.close()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Open http", "Wyoming"]


# --- gateways --------------------------------------------------------------------------------------------------------


def test_the_first_connection_starts_a_gateway_which_takes_all_others(doorway: Make, runtime: Path) -> None:
    """It takes those at every address, and knows by which one somebody came; nothing is started before."""
    there = doorway()
    there.door.configure(settings(f"unix://{runtime}/0", wyoming=WyomingSettings(listen=("tcp://127.0.0.1:0",))))
    there.turn()
    assert there.pid is None
    first, address = there.ask()
    assert address == f"http unix://{runtime}/0"
    assert there.pid == first
    assert there.ask(1) == (first, f"wyoming {there.addresses[1]}")


def test_an_idle_gateway_leaves_and_the_next_connection_starts_another(doorway: Make) -> None:
    """Nothing polls and nothing runs in between; the pool knows when the supervisor is needed."""
    there = doorway("--idle", "0.1")
    first, _ = there.ask()
    there.until(lambda: there.pid is None, "the gateway's exit")
    second, _ = there.ask()
    assert 0 != first != second
    status = there.door.status()
    assert status is not None
    assert status.gateway.starts == 2
    assert there.visits == [True]  # by its own listeners alone


def test_who_connects_while_a_gateway_finishes_is_served_by_the_next_one(doorway: Make) -> None:
    """A gateway that accepts no more may take as long as its last program does."""
    there = doorway("--idle", "0", "--stay")
    first, _ = there.ask()
    listener = there.door.listeners[0].socket.fileno()
    there.until(lambda: listener in there.poller, "the gateway's word that it accepts no more")
    second, _ = there.ask()
    assert 0 != first != second
    os.kill(first, 0)  # it is there still


def test_connections_at_the_moment_of_leaving_are_all_served(doorway: Make) -> None:
    """They wait in the backlog for the next gateway."""
    there = doorway("--idle", "0.02")
    pids = set()
    for number in range(40):
        time.sleep(0.01 + 0.0005 * number)  # around the time after which it leaves
        pid, _ = there.ask()
        assert pid
        pids.add(pid)
    assert len(pids) > 1


def test_a_killed_gateway_costs_what_it_was_doing(doorway: Make) -> None:
    """Whoever waits, and whoever comes next, is served by another one at once; recordings that it left are removed."""
    there = doorway()
    held, path = uploads.create()
    os.close(held)
    victim = there.begin()
    waiting = there.connect()
    waiting.sendall(b"ask.")
    killed = there.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    assert there.read(victim) == b""
    assert int(there.read(waiting).split()[0]) != killed
    assert [text for level, text in there.log if level == "error"] == [
        f"the gateway ended with status -9, see {find().logs / 'gateway.log'}"
    ]
    assert not os.path.exists(path)


def test_a_gateway_that_cannot_start_is_not_started_again_and_again(doorway: Make) -> None:
    """The connections that wait are closed from the second failure in a row on, and none is started for a while."""
    there = doorway("--die", "3")
    connection = there.connect()
    assert there.read(connection) == b""
    assert [text for _, text in there.log][-1] == "closed 1 connections, and starts the gateway after 10 s"
    for _ in range(3):
        due = there.door.deadline()
        assert due == there.now + RESTART_DELAY_S
        connection = there.connect()
        starts = len([text for level, text in there.log if level == "debug"])
        for _ in range(5):
            there.turn(1)
        assert len([text for level, text in there.log if level == "debug"]) == starts
        there.now = due
        assert there.read(connection) == b""
        assert len([text for level, text in there.log if level == "debug"]) == starts + 1


def test_a_killed_gateway_holds_its_addresses_until_its_end_is_known(doorway: Make) -> None:
    """Its channel closes first: whoever connects then would start another one, though this start may have failed."""
    there = doorway()
    pid, _ = there.ask()
    (gateway,) = there.door._programs[0].processes
    os.kill(pid, signal.SIGKILL)
    assert gateway.channel
    assert select.select([gateway.channel], [], [], BOUND_S)[0]
    assert not [*there.door.events({gateway.channel.fileno()}, there.now)]
    assert not there.door._programs[0].polled()


def test_one_that_lived_may_fail_at_once_again(doorway: Make) -> None:
    """Only failed starts in a row are waited for."""
    there = doorway()
    for _ in range(4):
        pid, _ = there.ask()
        there.now += 11.0
        os.kill(pid, signal.SIGKILL)
        there.until(lambda: there.pid is None, "its end")
        assert there.door.deadline() is None


def test_a_program_that_cannot_be_started_is_a_line_in_the_log(doorway: Make) -> None:
    there = doorway()
    there.door._programs[0].command = ("/nowhere/python",)
    assert there.read(there.connect()) == b""
    assert "could not be started" in there.log[-2][1]


# --- addresses -------------------------------------------------------------------------------------------------------


def test_an_address_more_changes_nothing_at_the_others(doorway: Make, runtime: Path) -> None:
    """A gateway that works goes on with its own addresses; another one serves the new one."""
    there = doorway(listen=["unix"])
    first, _ = there.ask()
    there.door.configure(settings(f"unix://{runtime}/0", f"unix://{runtime}/more"))
    second, _ = there.ask(1)
    assert second != first
    assert there.ask(0)[0] == first


def test_an_address_less_replaces_the_gateway_once_it_has_finished(doorway: Make, runtime: Path) -> None:
    """Nobody can connect there any more; what runs is answered, and others are served at once by the next one."""
    there = doorway()
    working = there.begin(1)
    first = there.pid
    there.door.configure(settings(f"unix://{runtime}/0"))
    assert not (runtime / "1").exists()
    assert there.ask(0)[0] not in (0, first)
    working.sendall(b".")
    assert there.read(working).startswith(str(first).encode())
    assert not [line for line in there.log if line[0] == "error"]


def test_a_clients_address_is_one_more_until_the_client_has_gone(doorway: Make, runtime: Path) -> None:
    """Those of the configuration stay, before and after; what cannot be used is an answer."""
    there = doorway(listen=["unix"])
    ours, lent = f"unix://{runtime}/0", f"unix://{runtime}/lent"
    ((_, answer),) = [(act.route, act.message) for act in _listen(there.door, f"http={lent}")]
    assert isinstance(answer, Result)
    assert there.addresses == [ours, lent]
    with none_left():
        (without_descriptor,) = _listen(there.door, f"http={ours}s")
    for act in (without_descriptor, *_listen(there.door, "gopher=70")):
        assert isinstance(act.message, Error)
    assert "(Too many open files)" in without_descriptor.message.message
    there.door.observe(ClientGone(b"another"), 0.0)
    assert there.addresses == [ours, lent]
    there.door.observe(ClientGone(ROUTE), 0.0)
    assert there.addresses == [ours]


def _listen(door: Door, *addresses: str) -> list[Any]:
    return list(door.actions()[Listen](Listen(ROUTE, b"1" * 16, addresses)))


def test_a_service_managers_sockets_stay_open(doorway: Make, runtime: Path) -> None:
    """They work without a line in the configuration, do not keep the supervisor, and stay for the next one."""
    assert doorway(listen=[]).door.status() is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(runtime / "managers"))
        listener.listen()
        there = doorway("--idle", "0.1", listen=[], passed=[("http", os.dup(listener.fileno()))])
        there.door.configure(Settings())
        assert there.addresses == [f"unix://{runtime}/managers"]
        there.turn()
        assert there.visits == []
        assert there.ask()[1] == f"http unix://{runtime}/managers"
        there.until(lambda: there.visits == [True, False], "the end of the visit")
        there.door.prepare_end(stop=True)
        waiting = there.connect()
        waiting.sendall(b"ask.")
        there.turn()
        there.door.close()
        with listener.accept()[0] as left:
            assert left.recv(4) == b"ask."


def test_the_log_names_each_address_once_and_warns_of_those_that_strangers_reach(doorway: Make, runtime: Path) -> None:
    """Other settings name only the new ones."""
    there = doorway(listen=["unix"])
    ours, more = f"unix://{runtime}/0", f"unix://{runtime}/more"
    assert there.log == [("info", f"serves HTTP at {ours}")]
    there.log.clear()
    there.door.configure(settings(ours, more))
    assert there.log == [("info", f"serves HTTP at {more}")]
    there.log.clear()
    wyoming = WyomingSettings(listen=("tcp://0.0.0.0:0",), allow=("127.0.0.1",))
    there.door.configure(settings(ours, wyoming=wyoming))
    (_, place), (level, warning) = there.log
    assert place.startswith("serves Wyoming at tcp://0.0.0.0:")
    assert level == "warning"
    assert "programs beyond this machine can reach tcp://0.0.0.0:" in warning
    assert warning.endswith("at 127.0.0.1, and nothing is encrypted on the way")


def test_an_address_that_cannot_be_used_changes_nothing(doorway: Make, runtime: Path) -> None:
    there = doorway(listen=["unix"])
    with pytest.raises(HushdError):
        there.door.configure(settings(f"unix://{runtime}/none/at/all"))
    assert there.ask()[0]


def test_engines_are_listed_again_when_they_may_have_changed(doorway: Make) -> None:
    """A gateway finds no list after a model has come or gone, or settings have changed."""
    there = doorway()
    listed = find().listed
    for change in (
        lambda: there.door.observe(Exited("models/hub", 1, 0), 0.0),
        lambda: there.door.configure(settings()),
    ):
        listed.write_text("{}")
        there.door.observe(Exited("stt/echo/a", 1, 0), 0.0)
        assert listed.exists()
        change()
        assert not listed.exists()


# --- the end ---------------------------------------------------------------------------------------------------------


def test_a_door_that_leaves_starts_no_gateway_and_lets_the_last_one_finish(doorway: Make) -> None:
    """The last one has until its time is up."""
    there = doorway()
    working = there.begin()
    pid = there.pid
    there.door.prepare_end(stop=False)
    assert not there.door.finish(there.now)
    working.sendall(b".")
    assert there.read(working).startswith(str(pid).encode())
    there.until(lambda: there.door.finish(there.now), "the gateway's exit")
    late = there.connect()
    late.sendall(b"ask.")
    for _ in range(3):
        there.turn()
    assert there.pid is None
    there.door.close()
    assert there.read(late) == b""


def test_a_gateway_that_does_not_leave_is_killed(doorway: Make) -> None:
    """It was asked to leave, so the log has no error."""
    there = doorway()
    working = there.begin()
    pid = there.pid
    assert pid
    assert not there.door.finish(there.now)
    assert there.door.deadline() == there.now + GATEWAY_END_TIMEOUT_S
    assert there.door.finish(there.now + GATEWAY_END_TIMEOUT_S)
    there.door.close()
    assert there.read(working) == b""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not [line for line in there.log if line[0] == "error"]


def test_a_refused_socket_for_agents_leaves_no_other_open(
    doorway: Make, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration is listened for as a whole or not at all, and a later one as if nothing had been."""
    there = doorway(listen=())
    wanted, path = settings(f"unix://{runtime}/a"), runtime / "a"
    with monkeypatch.context() as patch:
        patch.setattr(listeners, "for_agents", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            there.door.configure(wanted)
    assert not path.exists()
    there.door.configure(wanted)
    assert path.exists()


def refuse(_: object) -> None:
    raise OSError(24, "Too many open files")

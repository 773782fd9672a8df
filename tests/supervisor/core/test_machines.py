"""Clients on other machines: their rights, and the part that is theirs alone."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core.actions import Action, CheckKeys, Configure, ReportStatus, ToClient, ToWorker
from hushd_supervisor.core.events import ClientGone, FromClient, FromWorker, Revoked
from hushd_supervisor.core.machines import machine, route_from
from hushd_supervisor.core.pool import Pool

HERE = b"\0here"
LAPTOP = route_from("laptop", b"\0away")
PHONE = route_from("phone", b"\0away")
ID = bytes(16)


def pool(*routes: bytes, auto_pull: bool = False) -> Pool:
    """A pool whose clients have all said hello as `cli`."""
    made = Pool(Settings(auto_pull=auto_pull), version="0", pid=1)
    for route in routes:
        made.handle(FromClient(route, m.Hello(protocol=1, version="0", holder="cli")), 0.0)
    return made


def told(actions: list[Action], route: bytes) -> list[m.Message]:
    return [action.message for action in actions if isinstance(action, ToClient) and action.route == route]


def request(**fields: Any) -> m.Request:
    return m.Request(**{"id": ID, "worker": "stt/echo/a", "op": "transcribe", "credit": 8, **fields})


@pytest.mark.parametrize("name", ["laptop", "a", "x" * 64, "desk.home-2+b_c"])
def test_a_route_names_its_machine(name: str) -> None:
    """Whatever the number of libzmq is; a route of this machine names none."""
    for number in (b"\0\0\0\0\0", b"\0@@@@", b"\0\xff\xfe\n/"):
        assert machine(route_from(name, number)) == name
        assert machine(number) == ""


def test_no_path_of_another_machine_reaches_a_worker() -> None:
    """A file that exists here, named by another machine: no worker is started for it, and nothing is opened."""
    there = pool(LAPTOP)
    actions = there.handle(FromClient(LAPTOP, request(input="path", path="/etc/passwd", size=1)), 1.0)
    (error,) = told(actions, LAPTOP)
    assert isinstance(error, m.Error)
    assert (error.code, error.id) == ("path_unreachable", ID)
    assert len(actions) == 1
    assert there.status(1.0) == []


@pytest.mark.parametrize(
    "control",
    [{"action": name} for name in ("shutdown", "restart", "reload", "listen", "yield", "keys", "later")]
    + [{"action": "unload", "force": True}],
)
def test_what_is_this_machines_own_is_refused(control: dict[str, Any]) -> None:
    """Another machine ends no supervisor, changes no configuration, and ends no job of others."""
    actions = pool(LAPTOP).handle(FromClient(LAPTOP, m.Control(id=ID, **control)), 1.0)
    (error,) = told(actions, LAPTOP)
    assert isinstance(error, m.Error)
    assert (error.code, error.id) == ("unauthorised", ID)
    assert len(actions) == 1


@pytest.mark.parametrize(("action", "kind"), [("reload", Configure), ("keys", CheckKeys)])
def test_this_machine_may(action: str, kind: type) -> None:
    """The same controls of a program of this machine are obeyed."""
    actions = pool(HERE).handle(FromClient(HERE, m.Control(id=ID, action=action)), 1.0)
    assert [type(one) for one in actions] == [kind]


@pytest.mark.parametrize("op", ["import", "quantize"])
def test_models_are_not_imported_from_elsewhere(op: str) -> None:
    """`import` would have a path opened here."""
    message = request(worker="models/store/local", op=op, input="none", params={"path": "/etc", "name": "x"})
    (error,) = told(pool(LAPTOP).handle(FromClient(LAPTOP, message), 1.0), LAPTOP)
    assert isinstance(error, m.Error)
    assert error.code == "unauthorised"


def test_a_key_downloads_nothing_unless_the_configuration_says_so() -> None:
    """Without `auto_pull` a pull of another machine is refused, before a worker starts; one of this machine is not."""
    there = pool(LAPTOP, HERE)
    message = request(worker="models/store/local", op="pull", input="none", params={"model": "piper/x"})
    (error,) = there.handle(FromClient(LAPTOP, message), 1.0)
    assert isinstance(error, ToClient)
    assert isinstance(error.message, m.Error)
    assert (error.message.code, error.message.id) == ("unauthorised", ID)
    assert "auto_pull" in error.message.message
    assert there.status(1.0) == []
    there.handle(FromClient(HERE, message), 1.0)
    assert len(there.status(1.0)) == 1


def test_auto_pull_lets_another_machine_download_and_no_more() -> None:
    """Models are imported and converted by this machine's programs alone, whatever the configuration says of pulls."""
    for op in ("import", "quantize"):
        there = pool(LAPTOP, auto_pull=True)
        actions = there.handle(FromClient(LAPTOP, request(worker="models/store/local", op=op, input="none")), 0.0)
        (error,) = actions
        assert isinstance(error, ToClient)
        assert isinstance(error.message, m.Error)
        assert "imported and converted" in error.message.message


def test_a_download_comes_from_where_this_machine_gets_its_own() -> None:
    """The address of another machine's hub is not passed on."""
    there = pool(LAPTOP, auto_pull=True)
    params = {"model": "piper/x", "endpoint": "http://10.0.0.1", "offline": False, "update": True}
    message = request(worker="models/store/local", op="pull", input="none", params=params)
    there.handle(FromClient(LAPTOP, message), 1.0)
    actions = there.handle(FromWorker("models/store/local", 1, m.Ready()), 2.0)
    (job,) = [action.message for action in actions if isinstance(action, ToWorker)]
    assert isinstance(job, m.Job)
    assert job.params == {"model": "piper/x", "update": True}


def test_each_machine_has_a_floor() -> None:
    """A loudspeaker here, one on the laptop and one on the phone speak at once; a stop on the laptop ends its own."""
    there = pool(HERE, LAPTOP, PHONE)
    claim = m.Claim(id=ID, devices=["speaker"])
    for route in (HERE, LAPTOP, PHONE):
        (turn,) = told(there.handle(FromClient(route, claim), 1.0), route)
        assert isinstance(turn, m.Turn)
        assert turn.state == "granted"
    actions = there.handle(FromClient(LAPTOP, m.Control(id=bytes(15) + b"1", action="cancel")), 2.0)
    assert [type(one) for one in told(actions, LAPTOP)] == [m.Error, m.Result]
    assert not told(actions, HERE)
    assert not told(actions, PHONE)
    (report,) = there.handle(FromClient(PHONE, m.Control(id=bytes(15) + b"2", action="status")), 3.0)
    assert isinstance(report, ReportStatus)
    assert report.floor.speaker is not None
    assert report.floor.speaker.client == "phone:cli"


def test_holders_of_two_machines_are_two() -> None:
    """A lease of the laptop's `cli` is not that of this machine's, which withdraws only its own."""
    there = pool(HERE, LAPTOP)
    there.handle(FromClient(LAPTOP, request(op="warm", input="none", keep_alive=-1.0)), 1.0)
    there.handle(FromWorker("stt/echo/a", 1, m.Ready()), 2.0)
    there.handle(FromClient(HERE, request(op="warm", input="none", keep_alive=0.0)), 3.0)
    ((_, row),) = there.status(4.0)
    assert (row.state, list(row.holders)) == ("ready", ["laptop:cli"])


@pytest.mark.parametrize("keep_alive", [-1.0, 1e9])
def test_a_machine_that_has_departed_keeps_no_worker(keep_alive: float) -> None:
    """Its leases stay while it has any connection, and end with the last, of a request that still runs too."""
    second, there = route_from("laptop", b"\0more"), pool(LAPTOP, PHONE)
    there.handle(FromClient(second, m.Hello(protocol=1, version="0", holder="mcp")), 0.0)
    there.handle(FromClient(LAPTOP, request(op="warm", input="none", keep_alive=keep_alive)), 1.0)
    there.handle(FromWorker("stt/echo/a", 1, m.Ready()), 2.0)
    actions = there.handle(FromClient(second, request(input="none", keep_alive=keep_alive)), 3.0)
    (job,) = [one.message.id for one in actions if isinstance(one, ToWorker) and isinstance(one.message, m.Job)]
    there.handle(ClientGone(LAPTOP), 4.0)
    ((_, row),) = there.status(4.0)
    assert list(row.holders) == ["laptop:cli"]
    there.handle(ClientGone(second), 5.0)
    there.handle(FromWorker("stt/echo/a", 1, m.Error(id=job, code="cancelled", message="")), 6.0)
    ((_, row),) = there.status(7.0)
    assert (list(row.holders), row.expires_in_s) == ([], 299.0)


def test_a_machine_that_is_revoked_keeps_no_worker() -> None:
    """Its leases end, of a request that still runs too; the worker stays as long as anybody's job lets it."""
    there = pool(HERE, LAPTOP, PHONE)
    for number, route in enumerate((LAPTOP, PHONE)):
        warm = request(id=bytes(15) + bytes([number]), op="warm", input="none", keep_alive=-1.0)
        there.handle(FromClient(route, warm), 1.0)
    there.handle(FromWorker("stt/echo/a", 1, m.Ready()), 2.0)
    actions = there.handle(FromClient(LAPTOP, request(input="none", keep_alive=-1.0)), 3.0)
    (job,) = [
        action.message.id for action in actions if isinstance(action, ToWorker) if isinstance(action.message, m.Job)
    ]
    there.handle(Revoked("laptop"), 4.0)
    there.handle(FromWorker("stt/echo/a", 1, m.Result(id=job)), 5.0)
    ((_, row),) = there.status(6.0)
    assert list(row.holders) == ["phone:cli"]
    there.handle(Revoked("phone"), 7.0)
    ((_, row),) = there.status(8.0)
    assert (list(row.holders), row.expires_in_s) == ([], 297.0)


def test_a_supervisor_that_leaves_refuses_a_machine_that_comes_late() -> None:
    """A floor that is made after the shutdown began grants nothing."""
    there = pool(HERE, LAPTOP)
    there.handle(FromClient(HERE, m.Claim(id=ID, devices=["speaker"])), 1.0)  # keeps it from leaving at once
    there.handle(FromClient(HERE, m.Control(id=bytes(15) + b"1", action="shutdown")), 1.0)
    (error,) = told(there.handle(FromClient(LAPTOP, m.Claim(id=ID, devices=["speaker"])), 2.0), LAPTOP)
    assert isinstance(error, m.Error)
    assert error.code == "shutting_down"

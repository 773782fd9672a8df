"""Other machines, by real sockets: which keys are served, how long, and what strangers cost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zmq
from hushd_protocol import __version__
from hushd_protocol.framing import pack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Accepted, Hello
from hushd_protocol.system import paths
from hushd_protocol.system.keys import KeyFiles
from hushd_supervisor.core.events import ClientGone, FromClient
from hushd_supervisor.core.machines import machine
from hushd_supervisor.system.remote.keyring import Keyring
from hushd_supervisor.system.remote.remote_socket import HANDSHAKES, HEARTBEAT_S, RemoteSocket
from support.machines import LISTEN, Desk, Laptop, wait_for_machines
from support.peer import BOUND_S, CONFIG, Supervisor, wait_until

AT_ONCE = 20  # strangers
ANY_PORT = "tcp+curve://127.0.0.1:0"
HELLO = Hello(protocol=PROTOCOL, version=__version__)


PROGRAM = """
import sys, zmq
from hushd_protocol.framing import pack
from hushd_protocol.messages import Hello
server, public, secret = (bytes.fromhex(word) for word in sys.argv[2:])
socket = zmq.Context().socket(zmq.DEALER)
socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = server, public, secret
socket.connect(sys.argv[1])
socket.send_multipart(pack(Hello(protocol=1, version="0")))
sys.stdin.read()
"""


@pytest.fixture
def desk(start_supervisor: Callable[..., Supervisor]) -> Desk:
    """A supervisor that listens for other machines."""
    supervisor = start_supervisor(LISTEN)
    assert supervisor.ready, supervisor.log()
    return Desk.of(supervisor)


@pytest.fixture
def laptop(desk: Desk, runtime: Path) -> Laptop:
    """A second machine, which may come."""
    made = Laptop.at(runtime / "laptop")
    desk.keys.allow("laptop", made.public)
    return made


def test_a_key_that_is_allowed_is_served(desk: Desk, laptop: Laptop) -> None:
    """Without a restart, under its name in `status`; a path it names is not opened, and its bytes are heard."""
    with laptop.peer(desk.endpoint) as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        assert desk.machines() == {"laptop": 1}
        assert peer.fail("echo", input="path", path="/etc/hostname", size=1).code == "path_unreachable"
    wait_for_machines(desk, {})


def test_a_thousand_wrong_keys_are_refused_and_none_is_served(desk: Desk, laptop: Laptop) -> None:
    """Each hears 400 and no message, while a program of this machine and one of the laptop are served."""
    context = zmq.Context()
    with desk.supervisor.connect() as here, laptop.peer(desk.endpoint) as away:
        for _ in range(1000 // AT_ONCE):
            strangers = [_stranger(context, desk.endpoint.key, desk.endpoint.port) for _ in range(AT_ONCE)]
            for dealer, monitor in strangers:
                assert _refusals(monitor) == [400]
                assert not dealer.poll(0)
                dealer.disable_monitor()
                monitor.close(linger=0)
                dealer.close(linger=0)
            assert here.ask("echo", payload=b"here")["text"] == "here"
            assert away.ask("echo", payload=b"away")["text"] == "away"
        assert desk.machines() == {"laptop": 1}
    context.term()
    assert "is not allowed" in desk.supervisor.log()


def _stranger(
    context: zmq.Context[zmq.Socket[bytes]], server: bytes, port: int
) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    """A client with a key of its own, which says hello, and its monitor."""
    dealer = context.socket(zmq.DEALER)
    public, secret = zmq.curve_keypair()
    dealer.set(zmq.CURVE_SERVERKEY, server)
    dealer.set(zmq.CURVE_PUBLICKEY, public)
    dealer.set(zmq.CURVE_SECRETKEY, secret)
    dealer.set(zmq.RECONNECT_IVL, -1)
    monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED)
    dealer.connect(f"tcp://127.0.0.1:{port}")
    with suppress(zmq.Again):  # it is refused already
        dealer.send_multipart(pack(HELLO), zmq.NOBLOCK)
    return dealer, monitor


def _refusals(monitor: zmq.Socket[bytes]) -> list[int]:
    """The status with which a handshake was refused; 0 for one that was not."""
    assert monitor.poll(1000 * BOUND_S), "the handshake has no end"
    event, _ = monitor.recv_multipart()
    return [int.from_bytes(event[2:], sys.byteorder)]


@pytest.mark.parametrize("kind", ["without keys", "with another server's key", "by PLAIN"])
def test_no_other_handshake_is_served(desk: Desk, laptop: Laptop, kind: str) -> None:
    """A client without CURVE, or one that takes this machine for another, gets nothing at all."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    secret = laptop.keys.secret()
    assert secret
    if kind == "by PLAIN":
        dealer.set(zmq.PLAIN_USERNAME, b"laptop")
        dealer.set(zmq.PLAIN_PASSWORD, b"laptop")
    elif kind == "with another server's key":
        dealer.set(zmq.CURVE_SERVERKEY, laptop.public)
        dealer.set(zmq.CURVE_PUBLICKEY, laptop.public)
        dealer.set(zmq.CURVE_SECRETKEY, secret)
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
    dealer.connect(f"tcp://127.0.0.1:{desk.endpoint.port}")
    with suppress(zmq.Again):  # it is refused already
        dealer.send_multipart(pack(HELLO), zmq.NOBLOCK)
    assert monitor.poll(1000 * BOUND_S)
    event, _ = monitor.recv_multipart()
    assert int.from_bytes(event[:2], sys.byteorder) == zmq.EVENT_DISCONNECTED
    assert not dealer.poll(0)
    context.destroy(linger=0)
    assert desk.machines() == {}


def test_a_revoked_key_loses_its_connections_and_requests_at_once(desk: Desk, laptop: Laptop) -> None:
    """One that works, and one at rest; a machine whose key stays is served on."""
    phone = Laptop.at(laptop.folder.parent / "phone")
    desk.keys.allow("phone", phone.public)
    with laptop.peer(desk.endpoint) as works, laptop.peer(desk.endpoint), phone.peer(desk.endpoint) as stays:
        works.request("wait")
        assert isinstance(works.receive(), Accepted)
        wait_until(lambda: _running(desk) == 1, "a request that runs")
        assert desk.machines() == {"laptop": 2, "phone": 1}
        desk.keys.revoke("laptop")
        desk.check_keys()
        wait_for_machines(desk, {"phone": 1})
        wait_until(lambda: _running(desk) == 0, "the end of its request")
        assert stays.ask("echo", payload=b"hello")["text"] == "hello"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere `hushd keys` reports a change")
def test_a_key_taken_away_by_hand_is_noticed(desk: Desk, laptop: Laptop) -> None:
    """The file is replaced or removed by an editor: nobody tells the supervisor."""
    with laptop.peer(desk.endpoint):
        assert desk.machines() == {"laptop": 1}
        desk.keys.allowed_file.unlink()
        wait_for_machines(desk, {})


@pytest.mark.parametrize("content", ["laptop\n", "\xff", "laptop " + "!" * 52, "../x " + "a" * 52])
def test_a_damaged_file_lets_nobody_come(desk: Desk, laptop: Laptop, content: str) -> None:
    """Not even those whose lines are right, and the log says which line is wrong."""
    with laptop.peer(desk.endpoint):
        desk.keys.allowed_file.write_text(desk.keys.allowed_file.read_text() + content, encoding="latin-1")
        assert desk.check_keys() == {}
        wait_for_machines(desk, {})
    assert "no other machine may come" in desk.supervisor.log()


def test_a_new_key_of_this_machine_ends_all(desk: Desk, laptop: Laptop) -> None:
    """Those who know the old one are refused, those who know the new one served, without a restart."""
    with laptop.peer(desk.endpoint):
        desk.keys.generate(anew=True)
        desk.check_keys()
        wait_for_machines(desk, {})
    with laptop.peer(Desk.of(desk.supervisor).endpoint) as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_silent_strangers_keep_nobody_out(desk: Desk, laptop: Laptop) -> None:
    """Connections of one address that say nothing: those beyond the limit end, and the laptop comes."""
    held = [socket.create_connection(("127.0.0.1", desk.endpoint.port)) for _ in range(HANDSHAKES + 20)]
    try:
        wait_until(lambda: sum(map(_has_ended, held)) >= 20, "the end of those beyond the limit")
    finally:
        for one in held:
            one.close()
    with laptop.peer(desk.endpoint) as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_strangers_take_no_descriptor_that_is_needed(
    start_supervisor: Callable[..., Supervisor], runtime: Path
) -> None:
    """100 connections at a limit of 256 open files: a worker still starts here, and the laptop comes after them."""
    desk = Desk.of(start_supervisor(LISTEN, inside=("prlimit", "--nofile=256:256")))
    laptop = Laptop.at(runtime / "laptop")
    desk.keys.allow("laptop", laptop.public)
    held = [socket.create_connection(("127.0.0.1", desk.endpoint.port)) for _ in range(100)]
    try:
        with desk.supervisor.connect() as here:
            assert here.ask("echo", payload=b"hello")["text"] == "hello"
        descriptors = len(os.listdir(f"/proc/{desk.supervisor.pid}/fd"))
        assert descriptors < 100, descriptors
    finally:
        for one in held:
            one.close()
    with laptop.peer(desk.endpoint) as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(100):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_plain_tcp_is_refused_in_the_configuration(start_supervisor: Callable[..., Supervisor]) -> None:
    """In one sentence, with the exit status of a wrong configuration."""
    supervisor = start_supervisor('[remote]\nlisten = "tcp://127.0.0.1:0"\n')
    assert not supervisor.ready
    assert supervisor.process.returncode == 2
    assert "Plain TCP" in supervisor.log()
    assert "Traceback" not in supervisor.log()


def test_a_reload_opens_and_closes_the_address(supervisor: Supervisor, runtime: Path) -> None:
    """And a program of this machine does not notice; a connection that was there ends."""
    with supervisor.connect() as here:
        Path(os.environ["HUSHD_CONFIG"]).write_text(LISTEN)
        here.control("reload")
        desk = Desk.of(supervisor)
        laptop = Laptop.at(runtime / "laptop")
        desk.keys.allow("laptop", laptop.public)
        with laptop.peer(desk.endpoint) as away:
            away.request("wait")
            wait_until(lambda: _running(desk) == 1, "a request that runs")
            Path(os.environ["HUSHD_CONFIG"]).write_text(CONFIG)
            here.control("reload")
            assert "remote" not in here.control("status")
            wait_until(lambda: here.status()["running"] == 0, "the end of its request")
        assert here.ask("echo", payload=b"hello")["text"] == "hello"


def test_the_same_port_at_another_address(desk: Desk, laptop: Laptop) -> None:
    """A reload that goes from one address to all of them; one that cannot be had leaves the old one as it was."""
    with desk.supervisor.connect() as here:
        config = Path(os.environ["HUSHD_CONFIG"])
        config.write_text(LISTEN.replace("127.0.0.1:0", f"127.0.0.1:{desk.endpoint.port}"))
        here.control("reload")
        config.write_text(LISTEN.replace("127.0.0.1:0", f"0.0.0.0:{desk.endpoint.port}"))
        here.control("reload")
        with laptop.peer(desk.endpoint) as peer:
            assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        config.write_text(LISTEN.replace("127.0.0.1:0", f"192.0.2.1:{desk.endpoint.port}"))
        assert "cannot listen" in here.refusal("reload")
        with laptop.peer(desk.endpoint) as peer:
            assert peer.ask("echo", payload=b"hello")["text"] == "hello"


@pytest.fixture
def there(runtime: Path, request: pytest.FixtureRequest) -> Iterator[RemoteSocket]:
    """A socket without a supervisor; its parameter is the interval of heartbeats."""
    heartbeat = getattr(request, "param", HEARTBEAT_S)
    files = KeyFiles(paths.find())
    files.generate()
    secret = files.secret()
    assert secret
    made = RemoteSocket(ANY_PORT, secret, Keyring(files, lambda level, text: None), files.touch, heartbeat)
    yield made
    made.shut(0)


@pytest.fixture
def programs(there: RemoteSocket, runtime: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts processes that come with the key `laptop`, say hello, and rest."""
    desk, laptop = KeyFiles(paths.find()), Laptop.at(runtime / "laptop")
    desk.allow("laptop", laptop.public)
    server, secret = desk.public(), laptop.keys.secret()
    assert server
    assert secret
    words = [there.text.replace("tcp+curve", "tcp"), *(key.hex() for key in (server, laptop.public, secret))]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", PROGRAM, *words], stdin=subprocess.PIPE))
        (came,) = _events(there, 1)
        assert isinstance(came, FromClient)
        assert machine(came.route) == "laptop"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("there", [0.3], indirect=True)
def test_a_machine_that_sleeps_is_given_up(
    there: RemoteSocket, programs: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """A client that was stopped ends no connection, but answers no heartbeat."""
    programs().send_signal(signal.SIGSTOP)
    (gone,) = _events(there, 1)
    assert isinstance(gone, ClientGone)
    assert there.machines() == {}
    assert KeyFiles(paths.find()).seen("laptop")


def test_keys_are_read_again_before_the_next_is_judged(
    there: RemoteSocket, programs: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """Also where nobody reports a change: whoever comes next has the file read, and those revoked end."""
    programs()
    files = KeyFiles(paths.find())
    files.revoke("laptop")
    with zmq.Context() as context:
        dealer, monitor = _stranger(context, files.public() or b"", int(there.text.rpartition(":")[2]))
        (gone,) = _events(there, 1)
        assert isinstance(gone, ClientGone)
        assert there.machines() == {}
        dealer.disable_monitor()
        monitor.close(linger=0)
        dealer.close(linger=0)


def test_a_descriptor_that_has_got_another_file_is_left_alone(there: RemoteSocket) -> None:
    """A stranger came and left, and its number is a local client's by the time that it is counted."""
    ours, theirs = socket.socketpair()
    with ours, theirs, open(os.devnull, "rb") as nothing:
        for _ in range(2 * HANDSHAKES):
            there._opened(ours.fileno())
            there._opened(nothing.fileno())
        there.end_others()
        theirs.send(b"still there")
        assert ours.recv(100) == b"still there"


def _events(there: RemoteSocket, count: int) -> list[FromClient | ClientGone]:
    """The next events of a socket, whose loop this is."""
    found: list[FromClient | ClientGone] = []
    end = time.monotonic() + BOUND_S
    while len(found) < count:
        assert time.monotonic() < end, f"only {found} came"
        zmq.select([there.socket, there.authenticator, there.monitor], [], [], 0.1)
        there.authenticate(64)
        found += [*there.departures(), *there.receive(64)]
    return found


def _running(desk: Desk) -> int:
    with desk.supervisor.connect() as peer:
        return int(peer.status()["running"])

"""A server's process: its start, the proof that it works, who answers on its port, and its end with all its family."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd_models import server_files
from hushd_protocol.errors import HushdError
from hushd_worker.server import addresses, process
from hushd_worker.server.exchange import Bounds, Broken
from hushd_worker.server.process import ServerProcess
from support import servers
from support.peer import BOUND_S, is_gone, wait_until
from support.refusals import hushd_error

Make = Callable[..., ServerProcess]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process leaves is looked up in /proc")


@pytest.fixture
def make(runtime: Path) -> Iterator[Make]:
    """`make(*lies, **keys of the file)`: a server that is ended after the test."""
    made = []

    def server(*lies: str, **keys: Any) -> ServerProcess:
        servers.write(runtime, "mine", *lies, **keys)
        made.append(ServerProcess(server_files.read("mine")))
        return made[-1]

    yield server
    for each in made:
        each.end()
    assert not family()


EARLIER: set[psutil.Process] = set()  # descendants that other tests keep for theirs


@pytest.fixture(autouse=True)
def earlier() -> None:
    EARLIER.clear()
    EARLIER.update(psutil.Process().children(recursive=True))


def family() -> list[psutil.Process]:
    """All living descendants of this process that a test has started."""
    here = [each for each in psutil.Process().children(recursive=True) if each not in EARLIER]
    return [each for each in here if not is_gone(each.pid)]


def prove(server: ServerProcess) -> Callable[[float], bytes]:
    """Asks it to speak, in at most so many seconds."""

    def ask(limit: float) -> bytes:
        bounds = Bounds(limit, limit)
        with server.ask("/v1/audio/speech", b'{"input": "one"}', "application/json", lambda: None, bounds) as answer:
            return b"".join(answer.blocks())

    return ask


def port_of(server: ServerProcess) -> int:
    return int(server._where["port"])


def start(server: ServerProcess) -> None:
    server.start(prove(server), lambda note: None)


def failure(server: ServerProcess) -> str:
    """The sentence with which its start fails; everything that it started is gone then."""
    with hushd_error("engine_missing") as raised:
        start(server)
    assert not family()
    return raised.value.message


def test_starts_answers_and_ends(make: Make) -> None:
    server = make()
    start(server)
    assert prove(server)(9)[:4] == b"RIFF"
    port = port_of(server)
    assert servers.listening(port)
    server.end()
    assert not family()
    wait_until(lambda: not servers.listening(port), "the free port")


def test_a_unix_socket(make: Make, runtime: Path) -> None:
    server = make(run=[sys.executable, "-S", str(servers.LYING), "{socket}"])
    start(server)
    (path,) = runtime.glob("server-*.sock")
    assert path.is_socket()


@pytest.mark.parametrize(("lies", "said"), [
    (("crash",), "ended (exit status 3; its log ends with: RuntimeError: CUDA is not here)."),
    (("die",), "ended (exit status 9; its log ends with: Segmentation fault: the model is too large)."),
    (("deaf",), "did not answer within 1.5 s."),
    (("hang",), "did not answer within 1.5 s."),
    (("full",), "did not answer within 1.5 s."),
    (("loading=1000",), "failed (503: loading)."),
    (("status=500",), "failed (500: Oops out of luck)."),
    (("status=404",), "has no /v1/audio/speech or model (404: Oops out of luck)."),
    (("status=302",), "sends /v1/audio/speech on to '/elsewhere' (302): write that path into its file."),
    (("short",), "ended the connection before the end of its answer"),
])  # fmt: skip
def test_a_start_that_fails(make: Make, lies: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the end of its log; nothing is left of it."""
    if lies == ("die",):
        monkeypatch.setattr(process, "_DEATH_S", BOUND_S)  # a busy machine tells of the connection's end long before
    message = failure(make(*lies, start_timeout=1.5 if "1.5" in said else 5 if "503" in said else 30))
    assert message.startswith(f"The server mine {said}"), message


def test_a_program_that_is_not_there(make: Make, runtime: Path) -> None:
    assert failure(make(run=["no-such-server", "{port}"])) == (
        f"The program 'no-such-server' of {runtime}/servers/mine.toml is not installed."
    )


def test_a_folder_that_is_not_there(make: Make) -> None:
    assert "/no/such/folder: No such file or directory" in failure(make(cwd="/no/such/folder"))


def test_waits_while_it_loads(make: Make, tmp_path: Path) -> None:
    """503 means that it loads: it is asked again. A path may say so, too: then it is asked once that says yes."""
    for name, keys in (("again", {}), ("once", {"ready": "/ready", "ready_has": '"loaded": true'})):
        start(make("loading=2", env={"TOLD": str(tmp_path / name)}, **keys))
    asked = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert asked["once"] == 1 < asked["again"]


@pytest.mark.parametrize("wrapper", [(), ("sh", "-c", '"$@"; exit 5', "sh")], ids=["alone", "in a shell"])
@pytest.mark.parametrize("lies", [(), ("stays",), ("escapes",), ("stays", "escapes")], ids=" ".join)
def test_its_whole_family_ends(make: Make, lies: tuple[str, ...], wrapper: tuple[str, ...]) -> None:
    """Wrappers, helpers with sessions of their own, and servers that are deaf to SIGTERM."""
    run = [*wrapper, sys.executable, "-S", str(servers.LYING), "{port}", *lies]
    server = make(run=run, stop_timeout=0.5)
    start(server)
    port = port_of(server)
    server.end()
    assert not family()
    wait_until(lambda: not servers.listening(port), "the free port")


def test_another_program_on_its_port(make: Make) -> None:
    """One that shares the port gets some of its connections: that is noticed at the next one."""
    server = make("shares")
    start(server)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port_of(server)))
        other.listen()
        with pytest.raises(HushdError, match=r"Another program answers on 127\.0\.0\.1:\d+, not the server mine"):
            prove(server)(9)
    assert prove(server)(9)


def test_another_program_while_it_loads(make: Make) -> None:
    """It is not waited for."""
    server = make("shares", ready="/ready", ready_has="never")
    with socket.socket() as other:

        def shares(note: str) -> None:
            if note.startswith("waits for") and not other.getsockname()[1]:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                other.bind(("127.0.0.1", port_of(server)))
                other.listen()

        with pytest.raises(HushdError, match="Another program answers") as raised:
            server.start(prove(server), shares)
    assert raised.value.__cause__ is not raised.value


def test_a_port_that_another_holds(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken between the choice and the start: the server that is not ours is not asked."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(addresses, "free_port", lambda: other.getsockname()[1])
        message = failure(make())
    assert re.match(r"Another program answers on 127\.0\.0\.1:\d+, not the server mine|The server mine ended", message)


def test_nobody_listens_any_more(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has accepted the connection is unknown, and not asked; a kernel that does not tell is no such thing."""
    server = make()
    start(server)
    monkeypatch.setattr(addresses, "listeners", lambda port: set())
    with pytest.raises(Broken, match="cannot be reached"):
        prove(server)(9)
    monkeypatch.setattr(addresses, "listeners", lambda port: None)
    assert prove(server)(9)


def test_two_of_one_kind(make: Make) -> None:
    first, second = make(), make()
    start(first)
    start(second)
    assert port_of(first) != port_of(second)
    assert prove(first)(9) == prove(second)(9)


def test_a_card_is_looked_at_if_its_file_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr("hushd_worker.card.memory_used", lambda: looks.append(1) or {"0000:01:00.0": 10**9})
    assert make().compute_device() == "cpu"
    assert not looks
    assert make(vram_mb=1000).compute_device() == "cuda"


def test_its_environment(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It downloads nothing unless its file or somebody says so, and knows nothing of hushd's own Python."""
    monkeypatch.setenv("PYTHONPATH", "/ours")
    script = f"env > {tmp_path}/env; exit 1"
    for env, asked, offline in (({}, False, "1"), ({}, True, "0"), ({"HF_HUB_OFFLINE": "0"}, False, "0")):
        server = make(run=["sh", "-c", script, "{port}"], env={"MINE": "~/x", "AT": "{port}", **env})
        server.offline = not asked
        failure(server)
        seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
        assert seen["HF_HUB_OFFLINE"] == offline
        assert seen["MINE"] == os.path.expanduser("~/x")
        assert seen["AT"].isdigit()
        assert "PYTHONPATH" not in seen
        assert "HUSHD_RUNTIME_DIR" not in seen


@pytest.mark.parametrize("victim", ["worker", "guard", "server"])
def test_killed(runtime: Path, victim: str) -> None:
    """SIGKILL of any of the three leaves no process, and the port is free."""
    servers.write(runtime, "mine", "escapes")
    worker = subprocess.Popen(
        [sys.executable, "-c", servers.WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        process_group=0,
    )  # fmt: skip
    assert worker.stdin
    assert worker.stdout
    port, guard, _ = map(int, worker.stdout.readline().split())
    wait_until(lambda: len(psutil.Process(worker.pid).children(recursive=True)) >= 5, "its helpers")
    tree = psutil.Process(worker.pid).children(recursive=True)
    server = next(each.pid for each in tree if each.ppid() == guard and str(servers.LYING) in each.cmdline())
    os.kill({"worker": worker.pid, "guard": guard, "server": server}[victim], signal.SIGKILL)
    wait_until(lambda: all(is_gone(each.pid) for each in tree), "the end of the family")
    wait_until(lambda: not servers.listening(port), "the free port")
    worker.stdin.close()
    worker.stdout.close()
    assert worker.wait(BOUND_S) != 0


HANGING = f"""{servers.PARENT}
from hushd_protocol.errors import HushdError
try:
    with server.reported():
        ask(0.5)
except HushdError as error:
    print(error.message, flush=True)
sys.stdin.read()
"""


def test_a_server_that_hangs_is_replaced(runtime: Path) -> None:
    """The request ends at once, and then the worker as after a crash, so that the next one is new."""
    servers.write(runtime, "mine", "later=hang", stop_timeout=0.5)
    run = [sys.executable, "-c", HANGING]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == "The server mine has not finished its answer within 0.5 s.\n"
        assert worker.wait(BOUND_S) == 70

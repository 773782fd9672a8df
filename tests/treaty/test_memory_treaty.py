"""The treaty's module, against damaged files, stale holders, strangers' folders and askers at the same moment."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_treaty import memory_treaty
from hushd_treaty.memory_treaty import CLAIMS, CONNECTIONS, Give, Given, Held, Holder, Party, TreatyError, parties

MODULE = Path(memory_treaty.__file__)


@pytest.fixture
def where(runtime: Path) -> Path:
    """A folder for a treaty that nobody has joined."""
    return runtime / "memory-treaty"


@pytest.fixture
def holder(where: Path) -> Iterator[Holder]:
    """A holder with one idle model."""
    holder = Holder("mine", str(where))
    holder.publish([Held("model", 500, {"0000:01:00.0": 70}, 5.5, 2.5)])
    yield holder
    holder.close()


def party(where: Path) -> Party:
    """The holder of this process, which `parties` leaves out."""
    (path,) = where.glob("*.json")
    return memory_treaty._read(str(path))


@contextmanager
def served(holder: Holder, given: int) -> Iterator[list[Give | str]]:
    """Has a thread answer each `give` with `given` bytes; the requests are listed."""
    heard: list[Give | str] = []
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            for request in holder.requests(0.02):
                heard.append(request)
                if isinstance(request, Give):
                    request.answer(given, 1.5)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield heard
    finally:
        done.set()
        thread.join()


def test_the_module_is_small_and_needs_nothing() -> None:
    """300 lines at most, and no import outside the standard library."""
    text = MODULE.read_text()
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_it_imports_without_hushd(tmp_path: Path) -> None:
    """A copy of the file alone."""
    (tmp_path / "memory_treaty.py").write_text(MODULE.read_text())
    code = "import memory_treaty, sys; assert not [name for name in sys.modules if 'hushd' in name]"
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(tmp_path)!r}); {code}"], check=True
    )


def test_what_is_published_is_read(holder: Holder, where: Path) -> None:
    """All fields come back as they were."""
    assert party(where).holds == (Held("model", 500, {"0000:01:00.0": 70}, 5.5, 2.5),)
    assert party(where).pid == os.getpid()


def test_a_give_is_answered_and_given_back(holder: Holder, where: Path) -> None:
    """The holder keeps away from what it gave until the claim comes back."""
    with served(holder, 400) as heard:
        given = party(where).ask(300, for_s=50)
        assert given == Given(400, 1.5, given.claim, "")
        assert (holder.kept(), holder.kept("0000:01:00.0")) == (400, 0)
        assert party(where).give_back(given.claim)
        assert holder.kept() == 0
        assert not party(where).give_back(given.claim)
    (give, claim) = heard
    assert isinstance(give, Give)
    assert (give.bytes, give.card, give.for_s, claim) == (300, "", 50, given.claim)


def test_a_claim_ends_by_itself(holder: Holder, where: Path) -> None:
    """After `for_s` the holder may use the memory again."""
    with served(holder, 400):
        party(where).ask(300, for_s=0)
    assert holder.kept() == 0


def test_of_two_who_ask_each_other_the_first_wins(holder: Holder, where: Path) -> None:
    """A holder that asks others gives only to whoever began before it."""
    holder.asking_since = 1000.0
    with served(holder, 400):
        assert party(where).ask(300, since=1000.5).bytes == 0
        assert party(where).ask(300, since=999.5).bytes == 400


def test_claims_are_counted(holder: Holder, where: Path) -> None:
    """Those who ask without end are given nothing at last, and a claim that comes back makes room."""
    with served(holder, 1):
        claims = [party(where).ask(1).claim for _ in range(CLAIMS)]
        assert party(where).ask(1).bytes == 0
        party(where).give_back(claims[0])
        assert party(where).ask(1).bytes == 1


@pytest.mark.parametrize(
    "change",
    [
        {"treaty": 2},
        {"pid": 1},
        {"pid": "7"},
        {"pid": True},
        {"started": "1"},
        {"started": ""},
        {"name": "another"},
        {"holds": None},
        {"holds": [3]},
        {"holds": [{"name": "model"}]},
        {"holds": [{"name": "model", "idle_since": -1}]},
        {"holds": [{"name": "model", "idle_since": None, "ram": 1e300}]},
        {"holds": [{"name": "model", "idle_since": None, "ram": "1 GB"}]},
        {"holds": [{"name": "model", "idle_since": None, "cards": [1]}]},
    ],
)
def test_a_damaged_file_is_passed_over(where: Path, change: dict[str, object]) -> None:
    """Beside it, the holders whose files are whole are found."""
    where.mkdir(mode=0o700)
    with subprocess.Popen(["sleep", "60"]) as process:
        whole = {
            "treaty": 1,
            "name": "a",
            "pid": process.pid,
            "started": memory_treaty.started(process.pid),
            "holds": [],
        }
        (where / f"a-{process.pid}.json").write_text(json.dumps(whole | {"socket": "/nowhere"} | change))
        (where / f"b-{process.pid}.json").write_text(json.dumps(whole | {"socket": "/nowhere", "name": "b"}))
        assert [party.name for party in parties(str(where))] == ["b"]
        process.kill()
    assert parties(str(where)) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff" * 9, b'{"treaty": 1}', b"null", b"7" * 5000])
def test_a_file_that_is_no_holders_is_passed_over(where: Path, content: bytes) -> None:
    """Whatever is in it; so are pipes, links and folders, which are not waited for."""
    where.mkdir(mode=0o700)
    (where / "a-1.json").write_bytes(content)
    os.mkfifo(where / "b-1.json")
    (where / "c-1.json").symlink_to("/dev/zero")
    (where / "d-1.json").mkdir()
    assert parties(str(where)) == []


def test_an_open_folder_is_not_used(where: Path) -> None:
    """Neither by those who ask nor by those who hold: others could have put anything there."""
    where.mkdir()
    where.chmod(0o755)
    assert parties(str(where)) == []
    with pytest.raises(PermissionError, match="0700"):
        Holder("mine", str(where))
    where.chmod(0o700)
    linked = where.with_name("linked")
    linked.symlink_to(where)
    with pytest.raises(PermissionError):
        Holder("mine", str(linked))


def test_a_folder_that_was_removed_comes_again(holder: Holder, where: Path) -> None:
    """With the file and the socket, at the next change."""
    for path in where.iterdir():
        path.unlink()
    where.rmdir()
    holder.publish([])
    with served(holder, 1):
        assert party(where).ask(1).bytes == 1


def test_what_a_killed_life_left_is_removed(where: Path) -> None:
    """By the next holder of that name; what lives, or has another name, stays."""
    where.mkdir(mode=0o700)
    gone = subprocess.Popen(["true"])
    gone.wait()
    for name in (
        f"mine-{gone.pid}.json",
        f"mine-{gone.pid}.sock",
        f"mine-{os.getppid()}.json",
        f"my-mine-{gone.pid}.json",
    ):
        (where / name).write_text("{}")
    Holder("mine", str(where)).close()
    assert {path.name for path in where.iterdir()} == {f"mine-{os.getppid()}.json", f"my-mine-{gone.pid}.json"}


def test_a_child_leaves_its_parents_files(holder: Holder, where: Path) -> None:
    """A holder that was forked along has none of its own."""
    child = os.fork()
    if not child:
        holder.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert sorted(path.suffix for path in where.iterdir()) == [".json", ".sock"]


def test_silent_askers_make_room(holder: Holder, where: Path) -> None:
    """The oldest of too many loses its connection, and the next is heard."""
    silent = [socket.socket(socket.AF_UNIX) for _ in range(CONNECTIONS + 4)]
    with served(holder, 1):
        for connection in silent:
            connection.connect(party(where).socket)
        assert party(where).ask(1).bytes == 1
        silent[0].settimeout(5)
        assert silent[0].recv(1) == b""
    for connection in silent:
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"\n", b"x\n", b"[]\n", b'{"error": "no"}\n', b'{"given": -1}\n', b'{"given": true}\n', b"7" * 5000,
     b"[" * 4000, b'{"given": 1, "within_s": NaN, "claim": "", "why": ""}\n'],
)  # fmt: skip
def test_a_holder_that_breaks_the_treaty_is_an_error(runtime: Path, answer: bytes) -> None:
    """Of one kind, whatever it sends."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "sock"))
        listener.listen()

        def reply() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(TreatyError, match="bad gave no answer"):
            Party("bad", 1, "1", str(runtime / "sock"), ()).ask(1)
        thread.join()


def test_a_holder_that_does_not_answer_costs_its_time(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never accepts, and one that is gone."""
    monkeypatch.setattr(memory_treaty, "ANSWER_S", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "sock"))
        listener.listen()
        with pytest.raises(TreatyError):
            Party("bad", 1, "1", str(runtime / "sock"), ()).ask(1)
    with pytest.raises(TreatyError):
        Party("gone", 1, "1", str(runtime / "sock"), ()).ask(1)


def test_times_of_start_tell_processes_apart() -> None:
    """A process has one from its beginning to its end, and a zombie has none."""
    assert memory_treaty.started(os.getpid()) == memory_treaty.started(os.getpid()) != ""
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert memory_treaty.started(ended.pid) == ""
    ended.wait()
    assert memory_treaty.started(ended.pid) == ""

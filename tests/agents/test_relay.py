"""The relay that a host's session holds, and the one process for the calls of all of them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from hushd_mcp import greeting, meeting, sessions
from hushd_mcp.command import place
from hushd_protocol.system import paths
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, JSONRPCResponse
from support.diary import Diary, words
from support.peer import BOUND_S, Supervisor, wait_until

from .mcp_host import serving
from .raw_host import RawHost

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")
AGENTS = Path(greeting.__file__).parents[1]


RESTS_S = (0.3, 3.0, 30.0)  # without a call, after which a process leaves: a busy machine takes longer to the first


def process_id(environment: dict[str, str]) -> int:
    """The process that serves the calls of sessions with that environment, or did."""
    return int(Path(f"{place(paths.find(environment), environment)}.lock").read_text())


def process(environment: dict[str, str]) -> psutil.Process:
    return psutil.Process(process_id(environment))


def came_too_late(environment: dict[str, str], first: subprocess.Popen[bytes]) -> bool:
    """Returns whether `first` had left before the call, so that another was started, which is ended."""
    if process_id(environment) == first.pid:
        return False
    with suppress(psutil.NoSuchProcess):  # it may have left by itself meanwhile
        other = process(environment)
        other.terminate()
        other.wait(BOUND_S)
    return True


def test_a_relay_imports_next_to_nothing() -> None:
    """No hushd, no SDK, and of the standard library nothing that is half a megabyte by itself."""
    code = "import sys; sys.path.append(sys.argv[1]); before = {*sys.modules}\nfrom hushd_mcp import relay\n"
    code += "print(*sorted({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(AGENTS)], capture_output=True, text=True)
    parts = {f"hushd_mcp{name}" for name in ("", ".relay", ".greeting", ".meeting", ".c_modules")}
    system = {"os", "os.path", "posixpath", "genericpath", "stat", "_stat", "_collections_abc", "abc", "_abc"}
    assert done.stdout, done.stderr
    assert {*done.stdout.split()} <= parts | system | {"__future__", "_json", "_socket", "errno", "fcntl", "select"}


def test_relays_that_start_it_at_once_start_one(environment: dict[str, str], diary: Diary) -> None:
    """Four sessions whose first calls come together are served by one process, which is nobody's child."""
    hosts = [RawHost(environment=environment, starts=True, name=f"host {number}") for number in range(4)]
    try:
        calls = [(host, host.call("say", text=words(0.1))) for host in hosts]
        assert [host.wait(call)["structuredContent"]["state"] for host, call in calls] == ["completed"] * 4
        assert {sound.pid for sound in diary.sounds()} == {process(environment).pid}
        assert process(environment).ppid() not in {host.process.pid for host in hosts}
    finally:
        for host in hosts:
            host.leave()


def test_it_is_killed_in_the_middle_of_a_call(environment: dict[str, str], diary: Diary) -> None:
    """The calls under way of both sessions end with an error in one sentence, and their next ones work."""
    with (
        RawHost(environment=environment, starts=True) as one,
        RawHost(environment=environment, starts=True, name="other") as two,
        diary.held(),
    ):
        calls = [(host, host.call("say", text=words(20))) for host in (one, two)]
        diary.wait_for_sound()
        wait_until(lambda: len(two.data("status")["calls"]) == 1)
        killed = process(environment)
        killed.kill()
        for host, call in calls:
            answer = host.wait(call)
            assert answer["isError"]
            assert "has ended in the middle: call again" in answer["content"][0]["text"]
            assert answer["structuredContent"]["error"]["message"] == answer["content"][0]["text"]
            assert host.data("say", text=words(0.1))["state"] == "completed"
        assert process(environment).pid != killed.pid


def test_a_host_and_its_relay_are_killed(environment: dict[str, str], diary: Diary, echo: Supervisor) -> None:
    """Their speech falls silent, the floor is free, other sessions go on, and nothing is printed."""
    with RawHost(environment=environment, starts=True) as other:
        killed = RawHost(environment=environment, starts=True)
        call = killed.call("say", text=words(20))
        diary.wait_for_sound()
        waiting = other.call("say", text=words(0.1))
        assert call
        killed.process.kill()
        killed.leave()
        assert other.wait(waiting)["structuredContent"]["state"] == "completed"
        with echo.connect() as peer:
            wait_until(lambda: not peer.control("status")["floor"].get("speaker"), "a free floor")
    assert (paths.find().logs / "mcp.log").read_text() == ""


def test_sessions_are_apart(environment: dict[str, str], diary: Diary) -> None:
    """Each has its own calls and tickets; what one cancels ends nothing of another."""
    api, web = (RawHost(environment=environment, name="claude") for _ in range(2))
    with web, api:
        ticket = api.data("say", text=words(2), wait=False)["ticket"]
        diary.wait_for_sound()
        waiting = web.call("say", text="abc")
        wait_until(lambda: [call["tool"] for call in web.data("status")["calls"]] == ["hushd_say"])
        assert web.data("result", ticket=ticket)["error"]["code"] == "bad_request"
        cancelled = web.call("listen")
        web.notify("notifications/cancelled", {"requestId": cancelled, "reason": "User pressed Esc"})
        web.notify("notifications/cancelled", {"requestId": waiting, "reason": "User pressed Esc"})
        assert api.data("result", ticket=ticket)["state"] == "completed"
        assert web.data("say", text="abc")["state"] == "completed"


def test_it_leaves_when_nobody_calls(environment: dict[str, str]) -> None:
    """The session stays, whose next call starts another, which knows the host: it has tickets."""
    for rest_s in RESTS_S:
        with serving(environment, rest_s) as first, RawHost(environment=environment, starts=True) as host:
            assert first
            said = host.data("say", text=words(0.1))
            assert said["state"] == "completed", said
            if came_too_late(environment, first):
                continue
            assert first.wait(BOUND_S) == 0
            assert not os.path.exists(place(paths.find(environment), environment))
            assert host.ask("ping") == {}
            assert host.data("say", text=words(0.1), wait=False)["ticket"]
            assert process(environment).pid != first.pid
            return
    pytest.fail("no process was called in time")


def test_one_that_is_stopped_is_left_for_another(environment: dict[str, str]) -> None:
    """A session waits 20 s for a sign of life (8 here), not for its host's end: its call goes to another process, or is
    answered by a sentence if it had been taken; the next one is served."""
    found = paths.find(environment)
    found.runtime.mkdir(mode=0o700, exist_ok=True)
    options = {"version": "1", "place": place(found, environment), "log": os.devnull, "languages": "en", "speaks": ""}
    code = "import sys; from hushd_mcp import relay; relay.PROCESS_SILENCE_S = 8.0; relay.main()"
    command = [sys.executable, "-P", "-c", code, json.dumps(options | {"session": "{}"})]
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(options["place"])
        silent.listen()
        host = subprocess.Popen(command, env=environment, **pipes, text=True)
        assert host.stdin
        assert host.stdout

        def ask(number: int, method: str, **params: object) -> dict[str, object]:
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            print(json.dumps(message), file=host.stdin, flush=True)
            answer: dict[str, object] = json.loads(host.stdout.readline())
            assert answer["id"] == number, answer
            return answer

        ask(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "1"})
        assert "There is no tool" in str(ask(2, "tools/call", name="x", arguments={}))
    first = process(environment)
    first.suspend()
    assert "does not answer" in str(ask(3, "tools/call", name="x", arguments={}))
    assert "There is no tool" in str(ask(4, "tools/call", name="x", arguments={}))
    second = process(environment)
    assert second.pid != first.pid
    host.communicate(timeout=BOUND_S)
    for each in (first, second):
        each.resume()
        each.terminate()
        each.wait(BOUND_S)


async def test_it_leaves_soon_after_its_last_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is large, and waits a minute for calls of a session that is there, ten seconds for another session."""
    monkeypatch.setattr(sessions, "IDLE_EXIT_S", 0.01)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "mcp"))
        listener.listen()
        listener.setblocking(False)
        served = asyncio.create_task(sessions.Sessions(str(tmp_path / "mcp"), 1000).run(listener))
        reader, writer = await asyncio.open_unix_connection(tmp_path / "mcp")
        assert await reader.readline() == b"#ready\n"
        writer.close()
        await asyncio.wait_for(served, BOUND_S)


def test_a_folder_that_is_open_to_others_is_refused(runtime: Path) -> None:
    """Whoever can put a socket there could have the calls."""
    with RawHost(environment=dict(os.environ), starts=True) as host:
        runtime.chmod(0o777)
        answer = host.wait(host.call("status"))
        runtime.chmod(0o700)
    assert answer["isError"]
    assert "is not ours alone" in answer["content"][0]["text"]


def test_what_is_wrong_in_a_message_is_answered_by_its_id(environment: dict[str, str]) -> None:
    """Parameters of a wrong type, 9 MB, a cancellation of what cannot be an id, such a request, and two at once with
    one id: the session goes on."""
    with RawHost(environment=environment) as host:
        for name in (1.5, None, True, [1]):
            assert "The id of a request is" in host.refused_id(name, "tools/call", {"name": "hushd_status"})
        assert host.data("status")["calls"] == []
        host.notify("notifications/cancelled", {"requestId": [1]})
        assert "JSON-RPC" in host.refused("tools/call", 3)
        too_long = host.wait(host.call("say", text="A" * 9_000_000))
        assert too_long["isError"]
        assert host.data("status")["calls"] == []
        running = host.call("listen")
        assert "still runs" in host.refused_id(running, "ping", {})


def test_a_lock_that_nobody_gives_back_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that was stopped while it held the lock keeps no other session from its tools; the sockets are the
    user's alone, whatever the umask."""
    monkeypatch.setattr(meeting, "OTHER_RELAY_TIMEOUT_S", 0.0)
    path = tmp_path / "mcp.lock"
    with open(path, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ours = meeting._locked(os.fspath(path))
        assert os.fstat(ours).st_ino == path.stat().st_ino != os.fstat(held.fileno()).st_ino
        os.close(ours)


def test_an_id_is_free_after_a_cancellation(environment: dict[str, str], diary: Diary) -> None:
    """The relay lets a second request have it at once, and that one is answered."""
    with RawHost(environment=environment) as host:
        running = host.call("say", text=words(20))
        diary.wait_for_sound()
        assert "still runs" in host.refused_id(running, "ping", {})
        host.notify("notifications/cancelled", {"requestId": running})
        host._send({"id": running, "method": "tools/call", "params": {"name": "hushd_voices", "arguments": {}}})
        assert host.wait(running)["isError"] is False


def test_the_socket_of_another_process_is_left_alone(tmp_path: Path) -> None:
    """A process that was given up has been replaced at its path; one that was not takes its own socket away."""
    for replaced in (True, False):
        path, other = tmp_path / "mcp", tmp_path / "other"
        path.touch()
        served = sessions.Sessions(str(path), 1000)
        if replaced:
            other.touch()  # while the first one has its inode
            other.rename(path)
        served.close()
        assert path.exists() is replaced


async def test_an_initialize_that_the_relay_has_answered_is_answered_once() -> None:
    """The process's own answer to it is dropped; whatever comes later by its id, or by none, is sent."""
    sent: list[object] = []

    class Stream:
        async def send(self, item: SessionMessage) -> None:
            sent.append(item.message)

    first, second, third = (JSONRPCResponse(jsonrpc="2.0", id=number, result={}) for number in (1, 2, 1))
    unreadable = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=-32700, message="?"))
    for answered, expected in ((1, [unreadable, second, third]), (None, [unreadable, first, second, third])):
        sent.clear()
        stream = sessions.Unrepeated(answered, Stream())
        for message in (unreadable, first, second, third):
            await stream.send(SessionMessage(message))
        assert sent == expected


@pytest.mark.parametrize("said", [b"#rest {}\n", b"#leave\n", b"#beat\n"])
def test_a_call_on_its_way_is_answered_whatever_the_process_says(environment: dict[str, str], said: bytes) -> None:
    """A process that rests, leaves or works still answers what it has; one that leaves is asked nothing more."""
    found = paths.find(environment)
    found.runtime.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, RawHost(environment=environment, starts=True) as host:
        listener.bind(place(found, environment))
        listener.listen()
        listener.settimeout(BOUND_S)

        def serve(number: int, first: bytes) -> None:
            with listener.accept()[0] as link, link.makefile("rb") as lines:
                link.sendall(b"#ready\n")
                while json.loads(line := next(lines).removeprefix(b"#session ")).get("id") != number:
                    assert line
                answer = {"jsonrpc": "2.0", "id": number, "result": {"isError": False}}
                link.sendall(first)
                for _ in range(2):  # the relay has read it before it reads the second of these
                    assert "still runs" in host.refused_id(number, "ping", {})
                link.sendall(json.dumps(answer).encode() + b"\n")
                assert host.wait(number, BOUND_S) == answer["result"]
                if first == b"#leave\n":
                    assert lines.read() == b"", "the relay parts"

        serve(host.call("voices"), said)
        if said == b"#leave\n":
            serve(host.call("voices"), b"")

"""The pipe that a host's session holds, and the one process that serves all of them."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd_mcp import meeting
from hushd_mcp.command import place
from hushd_mcp.serving import _withdraw
from hushd_protocol.system import paths
from support.diary import Diary, words
from support.peer import BOUND_S, Supervisor, wait_until

from .mcp_host import serving
from .raw_host import RawHost

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


RESTS_S = (0.3, 3.0, 30.0)  # without a call, after which a process leaves: a busy machine takes longer to the first


def process(environment: dict[str, str]) -> psutil.Process:
    """The process that pipes with that environment have started."""
    path = place(paths.find(environment), environment)
    found = [each for each in psutil.process_iter(["cmdline"]) if path in (each.info["cmdline"] or ())]
    assert len(found) == 1, found
    return found[0]


def test_pipes_that_start_it_at_once_start_one(environment: dict[str, str], diary: Diary) -> None:
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


def test_a_host_and_its_pipe_are_killed(environment: dict[str, str], diary: Diary, echo: Supervisor) -> None:
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
        with diary.held():
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
        with serving(environment, rest_s) as first, RawHost(environment=environment, starts=True, lists=False) as host:
            assert first
            said = host.data("say", text=words(0.1))
            assert said["state"] == "completed", said
            came_too_late = first.poll() is not None
            assert first.wait(2 * BOUND_S) == 0
            if came_too_late:
                other = process(environment)
                other.terminate()
                other.wait(BOUND_S)
                continue
            assert not os.path.exists(place(paths.find(environment), environment))
            assert host.ask("ping") == {}
            assert host.data("say", text=words(0.1), wait=False)["ticket"]
            assert process(environment).pid != first.pid
            return
    pytest.fail("no process was called in time")


def test_one_that_is_stopped_is_left_for_another(environment: dict[str, str]) -> None:
    """A session waits 20 s for a sign of life (8 here), not for its host's end: its call goes to another process, or is
    answered by a sentence if it had been taken; the next one is served."""
    path = place(paths.find(environment), environment)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        host = Impatient(environment, 8.0)
        assert "There is no tool" in str(host.call(2))
    first = process(environment)
    first.suspend()
    assert "does not answer: call again" in str(host.call(3))
    assert not os.path.exists(path)
    assert "There is no tool" in str(host.call(4))
    first.kill()  # it would not see its end while it is stopped
    first.wait(BOUND_S)
    host.leave()
    second = process(environment)
    second.terminate()
    second.wait(BOUND_S)


class Impatient:
    """A host whose pipe gives up a process that is silent for `silence_s`: for longer than one that works is, 5 s."""

    def __init__(self, environment: dict[str, str], silence_s: float) -> None:
        found = paths.find(environment)
        found.runtime.mkdir(mode=0o700, exist_ok=True)
        options = {"version": "1", "place": place(found, environment), "log": os.devnull, "languages": "", "speaks": ""}
        code = f"from hushd_mcp import link, pipe; link.PROCESS_SILENCE_S = {silence_s}; pipe.main()"
        command = [sys.executable, "-P", "-c", code, json.dumps(options | {"session": "{}"})]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        about = {"name": "t", "version": "1"}
        self.ask(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=about)

    def ask(self, number: int, method: str, **params: object) -> dict[str, object]:
        assert self._process.stdin
        assert self._process.stdout
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        print(json.dumps(message), file=self._process.stdin, flush=True)
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        assert answer["id"] == number, answer
        return answer

    def call(self, number: int, **arguments: object) -> dict[str, object]:
        return self.ask(number, "tools/call", name="x", arguments=arguments)

    def leave(self) -> None:
        self._process.communicate(timeout=BOUND_S)


def test_a_folder_that_is_open_to_others_is_refused(runtime: Path) -> None:
    """Whoever can put a socket there could have the calls."""
    with RawHost(environment=dict(os.environ), starts=True) as host:
        runtime.chmod(0o777)
        answer = host.wait(host.call("status"))
        runtime.chmod(0o700)
    assert answer["isError"]
    assert "is not ours alone" in answer["content"][0]["text"]


def test_what_is_wrong_in_a_message_is_answered_by_its_id(environment: dict[str, str]) -> None:
    """Parameters of a wrong type, 9 MB (5 are not too many), a cancellation of no id, such a request, and two at once
    with one id: the session goes on."""
    with RawHost(environment=environment) as host:
        for name in (1.5, None, True, [1]):
            assert "The id of a request is" in host.refused_id(name, "tools/call", {"name": "hushd_status"})
        assert host.data("status")["calls"] == []
        host.notify("notifications/cancelled", {"requestId": [1]})
        assert "JSON-RPC" in host.refused("tools/call", 3)
        too_long = {"name": "hushd_say", "arguments": {"text": "A" * 9_000_000}}
        assert "at most 8 MB" in host.refused("tools/call", too_long)
        long = host.wait(host.call("nothing", text="A" * 5_000_000))
        assert "There is no tool" in long["content"][0]["text"]
        assert host.data("status")["calls"] == []
        running = host.call("listen")
        assert "still runs" in host.refused_id(running, "ping", {})


def test_a_pipe_waits_for_the_one_that_makes_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has seen no process, and starts none, since another pipe has done so when it gets the lock."""
    path, tries, looked = str(tmp_path / "mcp"), meeting._try, threading.Event()

    def look(path: str) -> socket.socket | None:
        listening = tries(path)
        looked.set()
        return listening

    monkeypatch.setattr(meeting, "_try", look)
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        tmp_path.chmod(0o700)
        with meeting.locked(path):
            finding = threads.submit(meeting.find, path, os.devnull)
            assert looked.wait(BOUND_S)
            with open(f"{path}.lock") as lock, pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            listener.bind(path)
            listener.listen()
        connected, new, known = finding.result(BOUND_S)
        connected.close()
    assert (new, known) == (False, meeting.identity(path))


def test_an_id_is_free_after_a_cancellation(environment: dict[str, str], diary: Diary) -> None:
    """The pipe lets a second request have it at once, and that one is answered."""
    with RawHost(environment=environment) as host:
        running = host.call("say", text=words(20))
        diary.wait_for_sound()
        assert "still runs" in host.refused_id(running, "ping", {})
        host.notify("notifications/cancelled", {"requestId": running})
        host._send({"id": running, "method": "tools/call", "params": {"name": "hushd_voices", "arguments": {}}})
        assert host.wait(running)["isError"] is False


@pytest.mark.parametrize("replaced", ["", "another inode", "the same inode"])
def test_the_socket_of_another_process_is_left_alone(tmp_path: Path, replaced: str) -> None:
    """A process that was given up has been replaced at its path; one that was not takes its own socket away."""
    path, other = tmp_path / "mcp", tmp_path / "other"
    path.touch()
    known = meeting.identity(str(path))
    if replaced == "another inode":
        other.touch()  # while the first one has its inode
        other.rename(path)
    elif replaced:  # once its listener is closed its inode is free
        os.utime(path, (0, 0))
    _withdraw(str(path), known)
    assert path.exists() is bool(replaced)


opened: list[socket.socket] = []


class Scripted:
    """A process that serves one session by hand, at the socket of a host's pipe."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.beats, head, _ = self.accept()
        opened.append(self.beats)
        self.about = head.partition(b"X-Hushd-Host: ")[2].partition(b"\r\n")[0]
        self.beats.sendall(b"HTTP/1.1 200 OK\r\n\r\n\n")

    def accept(self) -> tuple[socket.socket, bytes, dict[str, Any]]:
        """The next request: its connection, what stands before its body, and the message."""
        connected = self._listener.accept()[0]
        connected.settimeout(BOUND_S)
        head, _, body = connected.recv(1 << 16).partition(b"\r\n\r\n")
        length = next((int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), 0)
        while len(body) < length:
            body += connected.recv(1 << 16)
        return connected, head, json.loads(body or b"{}")

    def take(self, method: str, answer: bytes = b"HTTP/1.1 202 Accepted\r\nMcp-Session-Id: a\r\n\r\n") -> bytes:
        """Answers a message whose answer is not the host's."""
        connected, head, message = self.accept()
        with connected:
            assert message["method"] == method
            connected.sendall(answer)
        return head


@pytest.fixture
def scripted(environment: dict[str, str]) -> Iterator[tuple[socket.socket, RawHost]]:
    """The socket at which a pipe finds its process, and the host that has begun."""
    found = paths.find(environment)
    found.runtime.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, RawHost(environment=environment, starts=True) as host:
        listener.bind(place(found, environment))
        listener.listen()
        listener.settimeout(BOUND_S)
        yield listener, host
        while opened:
            opened.pop().close()
        listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n"


def answer(connected: socket.socket, number: int, kind: bytes = b"application/json") -> None:
    """Answers a call, by a document or by a stream's event, and ends its connection."""
    data = json.dumps({"jsonrpc": "2.0", "id": number, "result": {"isError": False}}).encode()
    with connected:
        connected.sendall(OK % kind + (data if kind == b"application/json" else b"data: " + data + b"\n\n"))


def begun(listener: socket.socket) -> Scripted:
    """The process, which a host has called for the first time."""
    process = Scripted(listener)
    process.take("initialize")
    process.take("notifications/initialized")
    return process


def test_a_session_that_has_ended_begins_again(scripted: tuple[socket.socket, RawHost]) -> None:
    """The call goes to the next process, which knows how the session began, and that the host can use tickets."""
    listener, host = scripted
    call = host.call("voices")
    first = begun(listener)
    assert json.loads(first.about)["resumable"] is True, "it has listed the tools"
    connected, head, message = first.accept()
    assert b"Mcp-Session-Id: a" in head
    assert message["id"] == call
    connected.sendall(b"HTTP/1.1 410 Gone\r\n\r\n")
    connected.close()
    connected, _, again = begun(listener).accept()
    assert again == message
    answer(connected, call)
    assert host.wait(call) == {"isError": False}


def test_an_error_has_the_id_of_its_call_and_what_is_no_message_is_an_error(
    scripted: tuple[socket.socket, RawHost],
) -> None:
    """The host gets the sentence that it can understand, by the id that it gave."""
    listener, host = scripted
    call = host.begin("other/method")
    process = begun(listener)
    with process.accept()[0] as connected:
        connected.sendall(
            b"HTTP/1.1 400 Bad\r\n\r\n" + b'{"jsonrpc": "2.0", "id": null, "error": {"message": "wrong"}}'
        )
    assert host._answers[call].get(timeout=BOUND_S)["error"]["message"] == "wrong"
    call = host.call("voices")
    with process.accept()[0] as connected:
        connected.sendall(b"HTTP/1.1 413 Too Large\r\n\r\nwords")
    assert "refuses it (HTTP 413): call again" in host.wait(call)["content"][0]["text"]


def test_nothing_of_a_cancelled_call_is_passed_on(scripted: tuple[socket.socket, RawHost]) -> None:
    """The process hears of it after the call; its last word on the old call is not the answer to the next of its id."""
    listener, host = scripted
    call = host.call("listen")
    process = begun(listener)
    stream = process.accept()[0]
    stream.sendall(OK % b"text/event-stream" + b'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n')
    host.notify("notifications/cancelled", {"requestId": call})
    host._send({"id": call, "method": "tools/call", "params": {"name": "hushd_status", "arguments": {}}})
    process.take("notifications/cancelled")
    last = {"jsonrpc": "2.0", "id": call, "error": {"code": -32800, "message": "Request cancelled"}}
    with stream:
        stream.sendall(b"data: " + json.dumps(last).encode() + b"\n\n")
    connected, _, message = process.accept()
    assert message["params"]["name"] == "hushd_status"
    answer(connected, call, b"text/event-stream")
    assert host.wait(call) == {"isError": False}


def test_a_call_that_was_cancelled_before_the_process_was_there_is_never_sent(
    scripted: tuple[socket.socket, RawHost],
) -> None:
    """Three calls wait for a process that starts; it hears nothing of the second."""
    listener, host = scripted
    first = host.call("status")
    process = Scripted(listener)
    listening = host.call("listen")
    host.notify("notifications/cancelled", {"requestId": listening})
    voices = host.call("voices")
    host.ask("ping")  # the pipe has read all of them
    process.take("initialize")
    process.take("notifications/initialized")
    for number in (first, voices):
        connected, _, message = process.accept()
        assert message["id"] == number
        answer(connected, number)
        assert host.wait(number) == {"isError": False}


def test_a_long_message_to_a_stopped_process_is_answered(environment: dict[str, str]) -> None:
    """It takes the head of the message and no more: the call goes to another process, and the old one's host is gone,
    should it work again."""
    found = paths.find(environment)
    found.runtime.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        listener.bind(place(found, environment))
        listener.listen()
        listener.settimeout(BOUND_S)
        host = Impatient(environment, 8.0)
        called = threads.submit(host.call, 2, text="A" * 1_000_000)
        beats = begun(listener).beats
        assert "There is no tool" in str(called.result(BOUND_S))
        assert beats.recv(1) == b""
    opened.pop().close()
    host.leave()
    other = process(environment)
    other.terminate()
    other.wait(BOUND_S)


def test_a_cancel_that_cannot_be_told_ends_the_session(scripted: tuple[socket.socket, RawHost]) -> None:
    """A process whose path is another's hears by the end of its session that nobody listens."""
    listener, host = scripted
    call = host.call("listen")
    process = begun(listener)
    with process.accept()[0] as stream:
        stream.sendall(OK % b"text/event-stream")
        os.unlink(listener.getsockname())
        host.notify("notifications/cancelled", {"requestId": call})
        assert process.beats.recv(1) == b""


def test_standard_input_that_does_not_block_is_read_on(environment: dict[str, str]) -> None:
    """A host may hand over such a pipe: nothing to read yet is not its end."""
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    command = [str(Path(sys.executable).parent / "hushd"), "mcp"]
    with subprocess.Popen(command, env=environment, stdin=ours, stdout=subprocess.PIPE) as pipe:
        os.close(ours)
        assert pipe.stdout
        for number in (1, 2):
            os.write(theirs, json.dumps({"jsonrpc": "2.0", "id": number, "method": "ping"}).encode() + b"\n")
            assert json.loads(pipe.stdout.readline()) == {"jsonrpc": "2.0", "id": number, "result": {}}
        os.close(theirs)
        assert pipe.wait(BOUND_S) == 0


def test_an_answer_that_breaks_off_ends_the_session(scripted: tuple[socket.socket, RawHost]) -> None:
    """The host's next call begins another, although the process's last sign of life is still to be read."""
    listener, host = scripted
    call = host.call("voices")
    process = begun(listener)
    process.accept()[0].close()
    assert "has ended in the middle" in host.wait(call)["content"][0]["text"]
    assert process.beats.recv(1) == b""
    call = host.call("voices")
    answer(begun(listener).accept()[0], call)
    assert host.wait(call) == {"isError": False}

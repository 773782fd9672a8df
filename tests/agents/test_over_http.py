"""Tests of `/mcp`: the SDK's client and requests by hand at a real gateway, with the process for agents behind it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.diary import ECHO, Diary, words
from support.peer import BOUND_S, Start, Supervisor, wait_until
from support.recordings import recording

from .mcp_host import http_host

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")
BEGIN = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "by hand", "version": "1"}}
LISTEN = '[http]\nlisten = ["127.0.0.1:0"]\n'
IDLE = {"HUSHD_GATEWAY_IDLE": "1"}
CONFORMANCE = Path(__file__).parents[2] / "build/node_modules/.bin/conformance"


opened: list[http.client.HTTPConnection | http.client.HTTPResponse] = []


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while opened:
        opened.pop().close()


@pytest.fixture
def served(start_supervisor: Start, diary: Diary) -> Supervisor:
    """A supervisor of the echo that serves HTTP."""
    return start_supervisor(ECHO + LISTEN, environment=diary.environment | IDLE)


@pytest.fixture
def port(served: Supervisor) -> int:
    return port_of(served)


def port_of(supervisor: Supervisor) -> int:
    with supervisor.connect() as peer:
        (listener,) = peer.control("status")["door"]["listeners"]
    return int(listener["address"].rpartition(":")[2])


def processes(supervisor: Supervisor, module: str) -> list[psutil.Process]:
    """The living children of a supervisor that run this module."""
    found = []
    for each in psutil.Process(supervisor.pid).children():
        with suppress(psutil.Error):  # it has ended, or ends meanwhile
            found += [each] if module in each.cmdline() else []
    return found


def send(
    port: int, method: str = "POST", message: Any = None, *, path: str = "/mcp", body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    """The answer to a request, with its body still to be read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)
    opened.append(connection)
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Connection": "close"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, json.dumps(message) if message else body, usual | given)
    opened.append(answer := connection.getresponse())
    return answer


def call(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def begin(port: int) -> str:
    """The name of a new session."""
    answer = send(port, message=call(1, "initialize", **BEGIN))
    answer.read()
    name = answer.headers["Mcp-Session-Id"]
    send(port, message={"jsonrpc": "2.0", "method": "notifications/initialized"}, Mcp_Session_Id=name).read()
    return name


def events(answer: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """The id and the message of each event, as it comes."""
    number = ""
    for line in answer:
        if line.startswith(b"id: "):
            number = line[4:].strip().decode()
        if line.startswith(b"data: {"):
            yield number, json.loads(line[6:])


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_host_elsewhere_has_the_seven_tools(port: int, diary: Diary, mode: str) -> None:
    """A call of the SDK's client speaks, and tells its progress; with sessions, and by 2026's protocol without."""
    with http_host(f"http://127.0.0.1:{port}/mcp", mode) as host:
        assert len(host.tools()) == 7
        result = host.data("say", text=words(2))
        assert result == {"state": "completed", "duration": 1.0, "voice": "echo"}
        # A state that lasts for less than the time between two looks is not told.
        assert host.news
        assert {each.message for each in host.news} <= {"queued", "speaking"}
    assert len(diary.sounds()) == 1


def test_a_cancelled_call_is_silence_and_its_id_is_free(port: int, diary: Diary) -> None:
    """Another of its id is refused meanwhile; a notice ends its speech at once, and the next one is answered."""
    name = begin(port)
    speech = call(5, "tools/call", name="hushd_say", arguments={"text": words(20)})
    answer = send(port, message=speech, Mcp_Session_Id=name)
    diary.wait_for_sound()
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    refused = send(port, message=speech, Mcp_Session_Id=name)
    assert (refused.status, json.loads(refused.read())["error"]["code"]) == (400, -32600)
    assert send(port, message=notice, Mcp_Session_Id=name).status == 202
    again = send(port, message=call(5, "tools/call", name="hushd_voices", arguments={}), Mcp_Session_Id=name)
    assert [(message["id"], message["result"]["isError"]) for _, message in events(again)] == [(5, False)]
    answer.close()
    wait_until(lambda: diary.sounds(), "silence")
    assert diary.sounds()[0].heard < len(words(20))


def test_a_client_that_lost_its_connection_reads_on(port: int, diary: Diary) -> None:
    """The call goes on; a stream that begins after the last event which came has the answer."""
    name = begin(port)
    speech = call(7, "tools/call", name="hushd_say", arguments={"text": words(1)}, _meta={"progressToken": 1})
    header = {"Mcp_Session_Id": name, "Mcp_Protocol_Version": "2025-11-25"}
    with diary.held():
        answer = send(port, message=speech, **header)
        last, first = next(events(answer))
        assert first["method"] == "notifications/progress"
        answer.close()

    def read_on() -> dict[str, Any] | None:  # a stream ends at once while the lost connection has not been noticed
        stream = events(send(port, "GET", **header, Last_Event_ID=last))
        return next((message for _, message in stream if message.get("id") == 7), None)

    assert wait_until(read_on, "the answer")["result"]["isError"] is False


def test_what_must_not_ask_is_refused(start_supervisor: Start, diary: Diary, tmp_path: Path) -> None:
    """A page of another site, a name that is not ours, no token, no session: none reaches a tool."""
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    supervisor = start_supervisor(f'{ECHO}{LISTEN}token_file = "{token}"\n', environment=diary.environment | IDLE)
    port, key = port_of(supervisor), {"Authorization": "Bearer secret"}
    hello = call(1, "initialize", **BEGIN)
    assert send(port, message=hello).status == 401
    assert send(port, message=hello, **key, Origin="https://evil.example").status == 403
    assert send(port, message=hello, **key, Host="evil.example").status == 403
    assert not processes(supervisor, "hushd_mcp")
    answer = send(port, message=hello, **key)
    answer.read()
    name = answer.headers["Mcp-Session-Id"]
    assert send(port, message=call(2, "tools/list"), **key, Mcp_Session_Id="f" * 32).status == 404
    assert (
        send(port, message=call(2, "tools/list"), **key, Mcp_Session_Id=name, Mcp_Protocol_Version="1999").status == 400
    )
    assert send(port, "DELETE", **key, Mcp_Session_Id=name).status == 200
    assert send(port, message=call(2, "tools/list"), **key, Mcp_Session_Id=name).status == 404


def test_a_path_is_opened_for_this_machine_alone(port: int) -> None:
    """A caller behind a proxy cannot say that it is of this machine; it sends the recording, and names that."""
    import httpx2  # comes with the SDK

    address = f"http://127.0.0.1:{port}/mcp"
    with http_host(address) as host:
        assert host.data("transcribe", path=str(recording()))["state"] == "completed"
    with http_host(address, **{"X-Forwarded-For": "192.0.2.7", "X-Hushd-Local": "1"}) as host:
        assert "is not on hushd's machine: send the file by `curl" in host.error("transcribe", path=str(recording()))
        with open(recording(), "rb") as file:
            name = httpx2.post(f"{address}/files", files={"file": file}, timeout=BOUND_S).json()["path"]
        assert host.data("transcribe", path=name)["state"] == "completed"
        assert "is not on hushd's machine" in host.error("transcribe", path=f"{name}/../../etc/passwd")


def test_a_request_through_a_proxy_is_not_local(port: int) -> None:
    """Each header of a proxy says that another machine may ask: a program of this user on this machine is the proxy."""
    name = begin(port)
    asked = {"name": "hushd_transcribe", "arguments": {"path": str(recording())}}

    def answer(number: int, **headers: str) -> dict[str, Any]:
        stream = events(send(port, message=call(number, "tools/call", **asked), Mcp_Session_Id=name, **headers))
        return next(message["result"] for _, message in stream if message.get("id") == number)

    assert answer(2)["structuredContent"]["state"] == "completed"
    proxies = {"Forwarded": "for=192.0.2.7", "Via": "1.1 proxy", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "::1"}
    for number, (header, value) in enumerate(proxies.items(), 3):
        refused = answer(number, **{header: value})
        assert (header, refused["isError"]) == (header, True)
        assert "is not on hushd's machine" in refused["content"][0]["text"]
    assert answer(9, X_Hushd_Local="0")["isError"] is False


def test_a_recording_that_was_sent_outlives_its_gateway(served: Supervisor, port: int) -> None:
    """A call names it though the gateway that took it is gone, and two have been asked since."""
    import httpx2  # comes with the SDK

    with open(recording(), "rb") as file:
        name = httpx2.post(f"http://127.0.0.1:{port}/mcp/files", files={"file": file}, timeout=BOUND_S).json()["path"]
    (gateway,) = processes(served, "hushd_gateway")
    gateway.send_signal(signal.SIGKILL)
    wait_until(lambda: gateway not in processes(served, "hushd_gateway"), "its end")
    with http_host(f"http://127.0.0.1:{port}/mcp") as host:
        assert host.data("transcribe", path=name)["state"] == "completed"


def test_killed_processes_are_replaced(served: Supervisor, port: int) -> None:
    """A session outlives the gateway. One whose process was killed is unknown, and a new one begins."""
    name = begin(port)
    processes(served, "hushd_gateway")[0].send_signal(signal.SIGKILL)
    listed = call(2, "tools/list")

    def answered() -> bool:
        try:
            return send(port, message=listed, Mcp_Session_Id=name).status == 200
        except OSError:  # the killed gateway's connection
            return False

    wait_until(answered, "the next gateway")
    processes(served, "hushd_mcp")[0].send_signal(signal.SIGKILL)
    wait_until(lambda: not processes(served, "hushd_mcp"), "its end")
    assert send(port, message=listed, Mcp_Session_Id=name).status == 404
    assert send(port, message=listed, Mcp_Session_Id=begin(port)).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"jsonrpc": "2.0", "id": 1}', b'{"id": 1, "method": "ping"}'])
def test_a_body_that_is_no_message_is_refused_in_a_sentence(port: int, body: bytes) -> None:
    """The client sees nothing of its parser's text and its models' names, with a session and without."""
    for names in ({}, {"Mcp_Session_Id": begin(port)}):
        answer = send(port, body=body, **names)
        error = json.loads(answer.read())["error"]["message"]
        assert (answer.status, error[:45]) == (400, "This is not a message of JSON-RPC 2.0: send o")


def test_a_process_is_there_while_somebody_is_connected(served: Supervisor, port: int) -> None:
    """It leaves after the last session; while a client listens it stays, and so does its session."""
    name = begin(port)
    stream = send(port, "GET", Mcp_Session_Id=name)
    assert stream.status == 200
    (process,) = processes(served, "hushd_mcp")
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(3 * float(IDLE["HUSHD_GATEWAY_IDLE"]))
    assert send(port, "DELETE", Mcp_Session_Id=name).status == 200
    wait_until(lambda: not processes(served, "hushd_mcp"), "its end")


@pytest.mark.skipif(
    not CONFORMANCE.exists(), reason="npm install --prefix build @modelcontextprotocol/conformance node"
)
@pytest.mark.parametrize(
    "scenario",
    [
        "server-initialize",
        "ping",
        "tools-list",
        "tools-call-error",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    ],
)
def test_the_suite_of_the_protocol_passes(port: int, scenario: str) -> None:
    """The protocol's own suite passes, but for the scenarios that want the tools of its own example."""
    path = f"{CONFORMANCE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["conformance", "server", "--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario],
        capture_output=True,
        env=os.environ | {"PATH": path},
        text=True,
        timeout=BOUND_S,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

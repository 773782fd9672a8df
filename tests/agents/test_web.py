"""`hushd mcp --http`."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import warm
from support.diary import Diary, check_no_overlap, words
from support.mcp_host import PROGRAM, WebServer, http_host
from support.peer import BOUND_S
from support.stopwatch import Stopwatch

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


def post(url: str, **headers: str) -> int:
    """The status that a web client without the SDK gets."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=BOUND_S)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection.request("POST", parts.path, body, accepted | names)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.usefixtures("echo")
def test_two_hosts_of_one_server(runtime: Path, diary: Diary) -> None:
    """Over HTTP too, hosts queue, and one of them cancels only its own."""
    with (
        WebServer(runtime, environment=diary.environment) as server,
        http_host(server.url) as one,
        http_host(server.url) as two,
    ):
        assert len(one.tools()) == 8
        calls = [host.begin("say", text=words(0.5)) for host in (one, two, one)]
        assert [call.result(30).is_error for call in calls] == [False] * 3
        long = one.begin("say", text=words(20))
        diary.wait_for_sound(4)
        last = two.begin("say", text=words(0.2))
        assert [host.data("status")["calls"] for host in (one, two)] == [[], []]  # nobody learns another's ticket
        long.cancel()
        assert last.result(BOUND_S).structured_content == {"state": "completed", "duration": 1.0, "voice": "echo"}
    check_no_overlap(diary.sounds())


@pytest.mark.usefixtures("echo")
def test_pages_in_a_browser_are_refused(runtime: Path, diary: Diary) -> None:
    """A name that resolves to this computer, or a page's origin, gets nothing."""
    with WebServer(runtime, environment=diary.environment) as server:
        assert post(server.url, Host="evil.example") == 421
        assert post(server.url, Origin="http://evil.example") == 403
        assert post(server.url) in (200, 400)


@pytest.mark.usefixtures("echo")
def test_a_token_keeps_others_out(runtime: Path, diary: Diary) -> None:
    """With HUSHD_MCP_TOKEN only who sends it is answered."""
    environment = diary.environment | {"HUSHD_MCP_TOKEN": "geheim"}
    with WebServer(runtime, environment=environment) as server:
        assert post(server.url) == 401
        assert post(server.url, Authorization="Bearer falsch") == 401
        assert post(server.url, Authorization="Bearer geheim") in (200, 400)
        assert post(server.url, **{"x-api-key": "geheim"}) in (200, 400)


@pytest.mark.usefixtures("echo")
def test_a_web_server_leaves_at_once(runtime: Path, diary: Diary) -> None:
    """SIGTERM in the middle of a word: silence, and its end within the grace of open connections."""
    with WebServer(runtime, environment=diary.environment) as server:
        with http_host(server.url) as host:
            host.data("say", text=words(20), wait=False)
            diary.wait_for_sound()
        sent = Stopwatch()
        server.process.terminate()
        server.process.wait(BOUND_S)
        assert sent.calm < 3
        (sound,) = diary.sounds()
        assert sound.closed - sent < 0.5


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_web_server(runtime: Path, diary: Diary, number: signal.Signals) -> None:
    """With the status of that signal, and nothing more to read; a terminal that is closed sends SIGHUP."""
    with WebServer(runtime, environment=diary.environment) as server:
        server.process.send_signal(number)
        assert server.process.wait(BOUND_S) == 128 + number
    assert (runtime / "web").read_text().count("\n") == 1


def test_an_address_that_is_taken() -> None:
    """One sentence that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = warm.run([*PROGRAM, "--http", address], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hushd mcp: The address {address} cannot be used (")

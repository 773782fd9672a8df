"""`hushd mcp` as a process, asked by the SDK's own client: the tools, tickets, cancelling, the floor, accidents."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from support.peer import BOUND_S, CONFIG, Supervisor, wait_until
from support.stopwatch import Stopwatch

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from hushd_protocol.errors import HushdError
from hushd_protocol.system.installation import extra_command
from support.mcp_host import PROGRAM, Host, WebServer, http_host, stdio_host, text

DEVICE = Path(__file__).parents[2] / "support" / "quiet_device"
RATE = 16000
ECHO = f'tts = "echo/a"\nstt = "echo/a"\n{CONFIG}'


class Sound(NamedTuple):
    """One opening of the loudspeaker: from when to when, and how many samples were no silence."""

    pid: int
    opened: float
    closed: float
    heard: int


class Diary:
    """A diary of the devices of all servers. `environment` has programs write into it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()
        self.environment = {"PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(file)}

    def lines(self, what: str) -> list[list[str]]:
        return [line for line in map(str.split, self._file.read_text().splitlines()) if line[1] == what]

    def wait_for_sound(self, count: int = 1) -> None:
        wait_until(lambda: len(self.lines("sound")) >= count, "a sound")

    def sounds(self) -> list[Sound]:
        """All openings that were closed again, in the order of their beginnings."""
        events = sorted((float(time), pid, what) for what in ("open", "close") for pid, _, time in self.lines(what))
        heard = {pid: iter(int(line[2]) for line in self.lines("heard") if line[0] == pid) for _, pid, _ in events}
        opened: dict[str, float] = {}
        found = []
        for at, pid, what in events:
            if what == "open":
                opened[pid] = at
            else:
                found.append(Sound(int(pid), opened[pid], at, next(heard[pid])))
        return sorted(found, key=lambda sound: sound.opened)


@pytest.fixture
def diary(runtime: Path) -> Diary:
    return Diary(runtime / "diary")


@pytest.fixture
def echo(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    """A supervisor whose usual engines say each byte of a text as a sample, at 16 kHz."""
    started = start_supervisor(ECHO)
    assert started.ready, started.log()
    return started


@pytest.fixture
def host(echo: Supervisor, diary: Diary) -> Iterator[Host]:
    with stdio_host(environment=diary.environment) as connected:
        yield connected


def words(seconds: float) -> str:
    """Returns a text that takes so many seconds to speak."""
    return "a" * int(seconds * RATE)


def check_no_overlap(sounds: list[Sound]) -> None:
    for first, second in itertools.pairwise(sounds):
        assert first.closed <= second.opened, "two had the loudspeaker at once"


# --- tools ------------------------------------------------------------------------------------------------------------


def test_tools_are_few_and_described(host: Host) -> None:
    """Seven tools, every argument explained; one that opens a device or ends a call is not read-only."""
    tools = {tool.name: tool for tool in host.tools()}
    names = ["say", "listen", "converse", "transcribe", "voices", "status", "result"]
    assert list(tools) == [f"hushd_{name}" for name in names]
    for tool in tools.values():
        assert tool.title
        assert tool.description
        assert not tool.description.startswith(" ")
        assert tool.annotations
        assert tool.annotations.destructive_hint is False
        assert tool.input_schema["additionalProperties"] is False
        for argument in tool.input_schema["properties"].values():
            assert argument["description"].endswith(".")
            assert "type" in argument, "one plain type each"
    reading = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reading == {"hushd_transcribe", "hushd_voices", "hushd_status"}
    assert tools["hushd_say"].input_schema["required"] == ["text"]
    assert tools["hushd_converse"].input_schema["properties"]["timeout"]["minimum"] == 1


def test_the_list_of_tools_is_short(host: Host) -> None:
    """It is in every prompt of the host's model: 7 kB where it once was 17."""
    listed = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in host.tools()]
    assert len(json.dumps(listed, separators=(",", ":"))) <= 7500


def test_defaults_and_limits_are_in_the_descriptions(host: Host) -> None:
    """Several hosts strip them from the schema, and a model that reads none makes them up."""
    for tool in host.tools():
        for argument in tool.input_schema["properties"].values():
            default = argument.get("default", "")
            if default not in ("", 3600):
                shown = json.dumps(default).strip('"').removesuffix(".0")
                assert f"(default {shown})" in argument["description"]
            if "minimum" in argument:
                assert f"{argument['minimum']:g} to {argument['maximum']:g}" in argument["description"]


@pytest.mark.usefixtures("echo")
def test_hosts_of_both_eras(diary: Diary) -> None:
    """The handshake of 2025 and the one of 2026 are both served."""
    for mode in ("legacy", "auto"):
        with stdio_host(environment=diary.environment, mode=mode) as host:
            assert host.server_name == "hushd"
            assert host.data("status")["running"] is True


def test_say_is_heard_to_its_end(host: Host, diary: Diary) -> None:
    """The call returns when the last sample was played, with its duration; progress is reported meanwhile and grows."""
    result = host.call("say", text=words(1))
    assert text(result) == "Spoken, 1.0 seconds."
    assert result.structured_content == {"state": "completed", "duration": 1.0, "voice": "echo"}
    (sound,) = diary.sounds()
    assert sound.heard == RATE
    assert [news.message for news in host.news][-1] == "speaking"
    assert all(first.progress < second.progress for first, second in itertools.pairwise(host.news))


@pytest.mark.parametrize(
    "arguments",
    [
        {"speed": "1.5", "wait": "true"},
        {"speed": 1, "wait": "True", "priority": "message"},
        {"speed": None, "voice": None, "wait": None, "priority": None},
        {"speed": "", "voice": "null", "wait": "", "priority": ""},
    ],
)
def test_hosts_write_arguments_their_way(host: Host, arguments: dict[str, Any]) -> None:
    """Numbers and booleans as strings, null and "" for an argument that was left out."""
    assert host.data("say", text=words(0.05), **arguments)["state"] == "completed"


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("say", {}, "The argument text is missing."),
        ("say", {"text": 5}, "The argument text is wrong: input should be a valid string, not '5'."),
        ("say", {"text": " "}, "There is nothing to say: the text is empty."),
        ("say", {"text": "a", "speed": "fast"}, "The argument speed is wrong: input should be a valid number"),
        (
            "say",
            {"text": "a", "speed": 5},
            "The argument speed is wrong: input should be less than or equal to 4, not '5'",
        ),
        ("say", {"text": "a", "speed": "nan"}, "The argument speed is wrong: "),
        ("say", {"text": "a", "wait": "perhaps"}, "The argument wait is wrong: input should be a valid boolean"),
        ("say", {"text": "a", "priority": "urgent"}, "The argument priority is wrong: input should be 'important', "),
        ("listen", {"timeout": 0}, "The argument timeout is wrong: "),
        ("listen", {"silence": "-1"}, "The argument silence is wrong: "),
        ("transcribe", {}, "Give either path or audio."),
        ("transcribe", {"path": "/a", "audio": "AAAA"}, "Give either path or audio."),
        ("transcribe", {"path": "a.wav"}, "'a.wav' is not an absolute path"),
        ("transcribe", {"path": "/no/such.wav"}, "'/no/such.wav' cannot be read (No such file or directory)."),
        ("transcribe", {"path": "file:///no/such.wav"}, "'/no/such.wav' cannot be read"),
        ("transcribe", {"audio": "!!"}, "audio is not valid base64."),
        ("result", {"ticket": "x"}, "There is no ticket 'x'"),
        ("say", {"text": "a", "volume": 1}, "hushd_say has no argument 'volume': it takes text, voice, language, "),
        ("listen", {"timeouts": 1}, "hushd_listen has no argument 'timeouts': did you mean timeout?"),
        ("status", {"all": True}, "hushd_status has no argument 'all': it takes none."),
        ("sing", {}, "There is no tool 'hushd_sing': did you mean hushd_"),
    ],
)
def test_what_is_wrong_is_one_sentence(host: Host, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    """Bad arguments are errors of the tool, and the server goes on."""
    error = host.error(tool, **arguments)
    assert error.startswith(sentence)
    assert "\n" not in error
    assert host.data("status")["calls"] == []


@pytest.mark.parametrize("audio", ["aGVsbG8=", "data:audio/wav;base64,aGVs\nbG8="])
def test_audio_in_base64(host: Host, audio: str) -> None:
    """The worker gets the bytes; whitespace and a data URI's head are allowed."""
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    answer = host.data("transcribe", audio=audio, segments="true")
    assert answer["text"] == digest
    assert answer["segments"] == [{"start": 0.0, "end": 1.0, "text": digest}]


def test_voices_and_status(host: Host) -> None:
    """Voices by language, in both forms; the status has the supervisor's and is readable."""
    english = host.call("voices", language="en")
    assert english.structured_content
    assert {voice["name"] for voice in english.structured_content["voices"]} >= {"heart"}
    assert "heart: en-US, female, hibari" in text(english)
    for asked in ("en_US", "EN-GB", "English"):
        assert host.call("voices", language=asked).structured_content == english.structured_content, asked
    assert host.data("voices", language="xx")["voices"] == []
    assert text(host.call("voices", language="?!")).startswith("A language is a tag")
    status = host.call("status")
    assert status.structured_content
    assert status.structured_content["supervisor"]["pid"]
    assert "WORKER" in text(status) or "no worker" in text(status).lower()


@pytest.mark.usefixtures("runtime")
def test_status_starts_nothing(diary: Diary) -> None:
    """Without a supervisor it says so, and that is no error; other tools name what is missing."""
    with stdio_host(environment=diary.environment) as host:
        assert host.data("status") == {"running": False, "calls": []}
        assert "supervisor" in host.error("say", text="a")


def test_who_asks_is_shown(echo: Supervisor, diary: Diary) -> None:
    """`hushd status` names the host, or --holder, as the one who speaks."""
    for arguments, name in (([], "mcp"), (["--holder", "my agent"], "my agent")):
        with stdio_host(*arguments, environment=diary.environment) as host, echo.connect() as peer:
            answer = host.data("say", text=words(5), wait=False)
            holder = wait_until(lambda: peer.control("status")["floor"].get("speaker"), "a speaker")
            assert holder["client"] == name
            host.call("result", ticket=answer["ticket"], cancel=True)


# --- tickets ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("echo")
def test_what_takes_long_gets_a_ticket(diary: Diary) -> None:
    """The answer comes in time and says how to go on; polling ends with the result, which can be had again."""
    with stdio_host("--patience", "0.4", environment=diary.environment) as host:
        began = Stopwatch()
        result = host.call("say", text=words(2))
        assert time.monotonic() - began >= 0.4
        assert began.calm < 1.5
        first = result.structured_content
        assert first
        assert first["state"] in ("queued", "speaking")
        assert f"Call `hushd_result` with ticket {first['ticket']!r}" in text(result)
        assert host.data("status")["calls"][0]["ticket"] == first["ticket"]
        last = host.finish(first)
        assert last == {"state": "completed", "duration": 1.0, "voice": "echo"}
        assert host.data("result", ticket=f" {first['ticket'].upper()} ") == last
    assert diary.sounds()[0].heard == 2 * RATE


def test_say_without_waiting(host: Host, diary: Diary) -> None:
    """`wait` false returns at once; the speech goes on, and its ticket can end it."""
    began = Stopwatch()
    answer = host.data("say", text=words(20), wait="false")
    assert began.calm < 1
    diary.wait_for_sound()
    assert host.data("result", ticket=answer["ticket"], wait="0")["state"] == "speaking"
    assert host.data("result", ticket=answer["ticket"], cancel="true")["state"] == "cancelled"
    assert diary.sounds()[0].heard < 20 * RATE
    assert host.error("result", ticket=answer["ticket"]) == "It was stopped."


# --- cancelling, the floor --------------------------------------------------------------------------------------------


def test_cancelling_is_silence(host: Host, diary: Diary) -> None:
    """A cancelled call ends what is spoken at once, and nothing else: the next one speaks."""
    call = host.begin("say", text=words(20))
    diary.wait_for_sound()
    cancelled = time.monotonic()
    call.cancel()
    wait_until(diary.sounds, "silence")
    (sound,) = diary.sounds()
    assert sound.closed - cancelled < 0.3
    assert host.data("say", text=words(0.1))["state"] == "completed"
    assert host.data("status")["calls"] == []


def test_cancelling_what_waits(host: Host, diary: Diary, echo: Supervisor) -> None:
    """A call that waits for the loudspeaker leaves the line, and one that listens leaves the microphone."""
    host.data("say", text=words(20), wait=False)
    diary.wait_for_sound()
    waiting = host.begin("say", text=words(1))
    with echo.connect() as peer:
        wait_until(lambda: peer.control("status")["floor"]["waiting"] == 1)
        waiting.cancel()
        wait_until(lambda: peer.control("status")["floor"]["waiting"] == 0)
        listening = host.begin("listen")
        wait_until(lambda: len(diary.lines("open")) == 2, "the microphone")
        listening.cancel()
        wait_until(lambda: len(diary.lines("close")) == 1, "the end of it")
        assert peer.control("status")["floor"]["speaker"]


@pytest.mark.usefixtures("echo")
def test_two_hosts_never_talk_over_each_other(diary: Diary) -> None:
    """Two hosts with two calls each: all are heard, to their ends, one after the other."""
    with stdio_host(environment=diary.environment) as one, stdio_host(environment=diary.environment) as two:
        calls = [host.begin("say", text=words(0.5)) for host in (one, two, one, two)]
        assert [call.result(30).is_error for call in calls] == [False] * 4
    sounds = diary.sounds()
    check_no_overlap(sounds)
    assert [sound.heard for sound in sounds] == [RATE // 2] * 4
    assert len({sound.pid for sound in sounds}) == 2


@pytest.mark.usefixtures("echo")
def test_something_urgent_interrupts(diary: Diary) -> None:
    """A higher priority of another host ends what is spoken, with one sentence."""
    with stdio_host(environment=diary.environment) as one, stdio_host(environment=diary.environment) as two:
        call = one.begin("say", text=words(20))
        diary.wait_for_sound()
        two.data("say", text=words(0.1), priority="important")
        result = call.result(BOUND_S)
        assert result.is_error
        assert text(result) == "Another program has something more urgent to say."
        reason = {"code": "cancelled", "message": text(result), "retryable": False}
        assert result.structured_content == {"state": "cancelled", "error": reason}
    check_no_overlap(diary.sounds())


# --- accidents --------------------------------------------------------------------------------------------------------


def test_a_supervisor_killed_in_the_middle(
    host: Host, diary: Diary, echo: Supervisor, start_supervisor: Callable[..., Supervisor]
) -> None:
    """Speech already made is played to its end, the rest fails in a sentence; the server finds the next supervisor."""
    speaking = host.begin("say", text=words(1.5))
    diary.wait_for_sound()
    echo.process.kill()
    echo.process.wait()
    assert text(speaking.result(BOUND_S)) == "Spoken, 1.0 seconds."
    assert "supervisor" in host.error("listen")
    assert start_supervisor(ECHO).ready
    assert host.data("say", text=words(0.1))["state"] == "completed"


def test_a_listener_whose_supervisor_is_killed(host: Host, diary: Diary, echo: Supervisor) -> None:
    """The call ends with an error, the microphone is closed."""
    listening = host.begin("listen")
    wait_until(lambda: diary.lines("open"), "the microphone")
    echo.process.kill()
    echo.process.wait()
    result = listening.result(BOUND_S)
    assert result.is_error
    assert "supervisor" in text(result)
    wait_until(lambda: diary.lines("close"), "the end of it")
    assert host.data("status")["calls"] == []


def speaking_server(diary: Diary, seconds: float = 20) -> subprocess.Popen[bytes]:
    """A server in the middle of a word, as a process whose pipes are ours."""
    process = subprocess.Popen(
        PROGRAM, env=os.environ | diary.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    information = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    arguments = {"name": "hushd_say", "arguments": {"text": words(seconds)}}
    assert process.stdin
    for message in (
        {"id": 1, "method": "initialize", "params": information},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": arguments},
    ):
        process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")
    process.stdin.flush()
    diary.wait_for_sound()
    return process


@pytest.mark.usefixtures("echo")
def test_a_host_that_leaves(diary: Diary) -> None:
    """When standard input is closed all that is spoken ends, and the server leaves promptly, with 0."""
    process = speaking_server(diary)
    assert process.stdin
    closed = Stopwatch()
    process.stdin.close()
    assert process.wait(BOUND_S) == 0
    assert closed.calm < 1
    (sound,) = diary.sounds()
    assert sound.closed - closed < 0.5
    assert process.stdout
    process.stdout.close()


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server(diary: Diary, number: signal.Signals) -> None:
    """Silence, and the status of that signal, though the host still holds the pipe."""
    process = speaking_server(diary)
    sent = Stopwatch()
    process.send_signal(number)
    assert process.wait(BOUND_S) == 128 + number
    assert sent.calm < 1
    assert len(diary.sounds()) == 1
    for pipe in (process.stdin, process.stdout):
        assert pipe
        pipe.close()


@pytest.mark.usefixtures("echo")
def test_nothing_of_a_model_is_in_the_server(diary: Diary) -> None:
    """After it has spoken and listened, neither numpy nor an inference library is mapped, nor the web server's."""
    process = speaking_server(diary, 0.2)
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    for name in ("numpy", "onnxruntime", "moonshine", "torch", "soundfile", "httptools", "uvloop"):
        assert name not in maps
    for pipe in (process.stdin, process.stdout):
        assert pipe
        pipe.close()
    process.wait(BOUND_S)


def test_without_the_sdk(runtime: Path) -> None:
    """Exit code 6, and the line that installs it."""
    (runtime / "mcp.py").write_text("raise ImportError('No module named mcp')\n")
    done = subprocess.run(PROGRAM, env=os.environ | {"PYTHONPATH": str(runtime)}, capture_output=True, text=True)
    assert done.returncode == 6
    assert done.stderr.startswith("hushd mcp: `hushd mcp` needs the MCP SDK")
    assert done.stderr.endswith(f"{extra_command('mcp')}.\n")


# --- HTTP -------------------------------------------------------------------------------------------------------------


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
        assert len(one.tools()) == 7
        calls = [host.begin("say", text=words(0.5)) for host in (one, two, one)]
        assert [call.result(30).is_error for call in calls] == [False] * 3
        long = one.begin("say", text=words(20))
        diary.wait_for_sound(4)
        last = two.begin("say", text=words(0.2))
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


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nonsense", "'nonsense' is not an address: write HOST:PORT, such as 127.0.0.1:8765."),
        ("127.0.0.1:99999", "'127.0.0.1:99999' is not an address"),
        ("0.0.0.0:0", "Whoever can reach 0.0.0.0 could use your microphone: set HUSHD_MCP_TOKEN to a secret."),
    ],
)
def test_addresses_that_cannot_be(address: str, sentence: str) -> None:
    """One sentence and exit code 2."""
    done = subprocess.run([*PROGRAM, "--http", address], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hushd mcp: {sentence}")


def test_an_address_that_is_taken() -> None:
    """One sentence that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([*PROGRAM, "--http", address], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hushd mcp: The address {address} cannot be used (")


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("8765", ("127.0.0.1", 8765)),
        (":8765", ("127.0.0.1", 8765)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:8765", ("::1", 8765)),
        ("10.0.0.7:80", ("10.0.0.7", 80)),
    ],
)
def test_addresses(address: str, meant: tuple[str, int]) -> None:
    """A port alone is one of this computer."""
    from hushd.mcp.web import parse

    assert parse(address) == meant


def test_files_are_not_named_over_the_network() -> None:
    """A host on another computer has to send the audio itself."""
    from hushd.mcp.calls import Calls
    from hushd.mcp.task import TaskRegistry
    from hushd.mcp.tools import Tools

    tools = Tools(Calls(TaskRegistry(), 1.0, None), local=False)
    assert tools._recording("", "aGVsbG8=") == b"hello"
    with pytest.raises(HushdError, match="send audio instead of path"):
        tools._recording("/etc/passwd", "")


def test_old_tickets_are_thrown_away() -> None:
    """A server that runs for months keeps what has ended within bounds, and never what has not."""
    from hushd.mcp.task import KEPT, TaskRegistry

    registry = TaskRegistry()
    gate = threading.Event()
    first = registry.begin("say", "test", lambda client, task: {"duration": 1.0})
    first.finished.wait(BOUND_S)
    running = registry.begin("say", "test", lambda client, task: {"opened": gate.wait(BOUND_S)})
    for _ in range(KEPT + 2):
        registry.begin("say", "test", lambda client, task: {}).finished.wait(BOUND_S)
    assert registry.find(running.ticket) is running
    with pytest.raises(HushdError, match="There is no ticket"):
        registry.find(first.ticket)
    gate.set()
    registry.close()
    assert running.state == "completed"

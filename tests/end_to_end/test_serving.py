"""Tests of `hushd serve`: a real supervisor that other programs reach by HTTP and Wyoming."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.peer import BOUND_S, CONFIG, Peer, Supervisor, wait_until
from support.ports import free_port

NO_ADDRESS = (
    "hushd: A supervisor runs already, and no address to serve at is given: name one, as in "
    "`hushd serve --http 127.0.0.1:8000`, or set http.listen.\n"
)
DESCRIBE = b'{"type": "describe", "version": "1.10.2"}\n'


def hushd(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hushd", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip


def refused(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status and the error of a command that ends at once."""
    process = hushd(*arguments, **environment)
    error = process.communicate(timeout=BOUND_S)[1]
    return process.returncode, error


@contextmanager
def serving(runtime: Path, *arguments: str, **environment: str) -> Iterator[dict[str, Any]]:
    """`hushd serve` with these addresses; what `hushd status` says of the door."""
    process = hushd("serve", *arguments, **environment)
    try:
        wait_until(lambda: (runtime / "client.sock").exists() or process.poll() is not None, "a supervisor")
        with Peer(runtime / "client.sock") as peer:
            yield peer.control("status")["door"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=BOUND_S)


def port(door: dict[str, Any], kind: str) -> int:
    (address,) = [row["address"] for row in door["listeners"] if row["kind"] == kind]
    return int(address.rpartition(":")[2])


def fetch(number: int, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=BOUND_S)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_refused(number: int) -> bool:
    """Returns whether nobody listens at the port."""
    with contextlib.suppress(ConnectionResetError):  # it is just being closed
        try:
            socket.create_connection(("127.0.0.1", number)).close()
        except ConnectionRefusedError:
            return True
    return False


def describe(number: int) -> dict[str, Any]:
    """Wyoming's info, as Home Assistant asks for it."""
    with (
        socket.create_connection(("127.0.0.1", number), timeout=BOUND_S) as connection,
        connection.makefile("rb") as file,
    ):
        connection.sendall(DESCRIBE)
        head = json.loads(file.readline())
        info: dict[str, Any] = json.loads(file.read(head["data_length"]))
        return info


def test_whoever_polls_gets_an_answer_and_starts_no_worker(runtime: Path) -> None:
    """The installed models, and figures, from one gateway for both protocols."""
    with serving(runtime, "--http", "127.0.0.1:0", "--wyoming", "tcp://127.0.0.1:0") as door:
        web, wyoming = port(door, "http"), port(door, "wyoming")
        assert fetch(web, "/health") == (200, b"OK")
        models = [model["id"] for model in json.loads(fetch(web, "/v1/models")[1])["data"]]
        assert models[0] == "moonshine/tiny-en"
        assert {"hibari/en", "whisper-1", "tts-1"} <= set(models)
        assert json.loads(fetch(web, "/v1/audio/voices")[1])["voices"][0]["id"] == "heart"
        info = describe(wyoming)
        assert [len(info["asr"]), len(info["tts"])] == [1, 1]
        for _ in range(50):
            assert describe(wyoming) == info
        with Peer(runtime / "client.sock") as peer:
            report = peer.control("status")
            assert (report["door"]["gateway"]["starts"], report["workers"]) == (1, [])
            assert report["supervisor"]["rss_mb"] < 40


def test_the_token_is_the_gateways_alone(runtime: Path) -> None:
    """Requests that describe this machine need it, `/health` does not, and no worker finds it in its environment."""
    (runtime / "config.toml").write_text(CONFIG)
    with serving(runtime, "--http", "127.0.0.1:0", HUSHD_HTTP_TOKEN="s3cret") as door:
        web = port(door, "http")
        assert fetch(web, "/health") == (200, b"OK")
        assert fetch(web, "/v1/models")[0] == 401
        assert fetch(web, "/v1/models", Authorization="Bearer s3cret")[0] == 200
        with Peer(runtime / "client.sock") as peer:
            pid = peer.ask("echo")["pid"]
        assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_work_reaches_the_engines_through_the_gateway_which_leaves_again(runtime: Path) -> None:
    """The first request starts it; idle, it is gone, and the next request starts another."""
    with (
        serving(runtime, "--http", "127.0.0.1:0", HUSHD_GATEWAY_IDLE="5") as door,
        Peer(runtime / "client.sock") as peer,
    ):
        number = port(door, "http")
        connection = http.client.HTTPConnection("127.0.0.1", number, timeout=120)
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"OK"
        body = json.dumps({"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "pcm"})
        connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 24_000) == (200, True)  # half a second at 24 kHz
        gateway = peer.control("status")["door"]["gateway"]
        assert (gateway["starts"], gateway["rss_mb"] < 60) == (1, True)
        connection.close()
        wait_until(lambda: peer.control("status")["door"]["gateway"]["pid"] is None, "the gateway's exit")
        assert fetch(number, "/v1/models/hibari/en")[0] == 200
        assert peer.control("status")["door"]["gateway"]["starts"] == 2


def served_beside(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    """`hushd serve` beside a supervisor that runs, and the port of the URL that it prints."""
    process = hushd("serve", *arguments)
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate(timeout=BOUND_S))
    number = re.fullmatch(r"Open http://127\.0\.0\.1:(\d+)/ in a browser; programs of OpenAI's API use .*/v1\.\n", line)
    assert number, line
    return process, int(number[1])


def test_serve_beside_a_supervisor_that_runs(supervisor: Supervisor, runtime: Path) -> None:
    """README's first `say` has left one: the running one takes the address up, and gives it back when `serve` ends."""
    process, number = served_beside("--http", f"127.0.0.1:{free_port()}")
    try:
        assert fetch(number, "/health") == (200, b"OK")
        with Peer(runtime / "client.sock") as peer:
            (row,) = peer.control("status")["door"]["listeners"]
            assert row["address"] == f"127.0.0.1:{number}"
            peer.control("reload")  # says nothing of the address, which stays
            assert fetch(number, "/health") == (200, b"OK")
            again, same = served_beside("--http", f"127.0.0.1:{number}")
            again.send_signal(signal.SIGTERM)
            again.communicate(timeout=BOUND_S)
            assert same == number
            assert fetch(number, "/health") == (200, b"OK"), "another's end takes nothing away"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=BOUND_S)[1] == ""
            assert process.returncode == 0
            wait_until(lambda: is_refused(number), "the address given back")
            assert not peer.control("status").get("door", {}).get("listeners")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("supervisor")
def test_what_a_running_supervisor_cannot_serve_is_one_sentence() -> None:
    """No address, one in use, one that strangers reach, a token that it would not get: nothing changes."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        for arguments, environment, sentence in (
            ((), {}, NO_ADDRESS),
            (("--http", f"127.0.0.1:{used.getsockname()[1]}"), {}, "choose another address"),
            (("--http", "0.0.0.0:0"), {}, "HUSHD_HTTP_TOKEN"),
            (("--http", "127.0.0.1:0"), {"HUSHD_HTTP_TOKEN": "secret"}, "hushd shutdown"),
        ):
            status, error = refused("serve", *arguments, **environment)
            assert (status, error.count("\n")) == (2, 1), error
            assert sentence in error


def test_a_reload_opens_and_closes_addresses(runtime: Path) -> None:
    """Off by default; a line in the configuration turns it on, and off again, without a restart."""
    config = runtime / "config.toml"
    process = hushd("serve")
    try:
        wait_until(lambda: (runtime / "client.sock").exists(), "a supervisor")
        with Peer(runtime / "client.sock") as peer:
            assert "door" not in peer.control("status")
            config.write_text('[http]\nlisten = ["127.0.0.1:0"]\n')
            peer.control("reload")
            number = port(peer.control("status")["door"], "http")
            assert fetch(number, "/health") == (200, b"OK")
            config.write_text('[http]\nlisten = ["0.0.0.0:0"]\n')
            assert "HUSHD_HTTP_TOKEN" in peer.refusal("reload")
            assert fetch(number, "/health") == (200, b"OK")
            config.write_text("")
            peer.control("reload")
            wait_until(lambda: is_refused(number), "the end of the address")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=BOUND_S)


@pytest.mark.usefixtures("runtime")
def test_what_cannot_be_served_is_one_sentence() -> None:
    """Exit status 2, no traceback, and what to do."""
    for arguments, sentence in (
        (("--http", "0.0.0.0:0"), "set HUSHD_HTTP_TOKEN or [http] token_file, or use 127.0.0.1."),
        (("--wyoming", "tcp://0.0.0.0:0"), "[wyoming] allow"),
        (("--http", "nonsense"), "'nonsense' is not an address for http: use HOST:PORT"),
    ):
        status, error = refused("serve", *arguments)
        assert (status, error.count("\n")) == (2, 1), error
        assert sentence in error

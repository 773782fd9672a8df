"""`POST /v1/unload` ends workers, as `hushd unload` does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from support.http_gateway import HttpGateway
from support.peer import ECHO, Supervisor, command

WORKERS = ("stt/echo/a", "tts/echo/a")


def unload(gateway: HttpGateway, data: Any) -> tuple[int, Any]:
    """The status of the answer, and its JSON."""
    request = urllib.request.Request(f"{gateway.url}/unload", json.dumps(data).encode(), method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["message"]


@pytest.mark.parametrize(
    ("data", "ended"), [({}, WORKERS), ({"workers": ["stt"]}, WORKERS[:1]), ({"workers": "tts/echo/a"}, WORKERS[1:])]
)
def test_the_named_workers_end_or_all(echo: HttpGateway, data: Any, ended: tuple[str, ...]) -> None:
    """By the names of `hushd unload`: a role, or a whole worker."""
    with Client() as client:
        client.preload(*WORKERS)
        assert unload(echo, data) == (200, {"unloaded": list(ended), "busy": {}})
        left = {worker.name for worker in client.status().workers if worker.pid is not None}
        assert left == set(WORKERS) - set(ended)


def test_what_cannot_be_read_ends_nothing(echo: HttpGateway) -> None:
    """A list of anything but texts is refused by its name."""
    assert unload(echo, {"workers": [1]}) == (400, "workers must be a list of texts.")


def test_running_jobs_of_the_gateway_end_first(runtime: Path) -> None:
    """A request over HTTP that runs meanwhile is answered, though the gateway itself has asked to unload its worker."""
    goal = runtime / "goal"
    slow = command(ECHO, "--until", str(goal))
    supervisor = Supervisor(runtime, f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{slow}")
    gateway = HttpGateway(runtime)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(transcribed, gateway)
        with Client() as client:
            while not any(worker.running for worker in client.status().workers):
                assert not answer.done(), answer.result()
        assert unload(gateway, {}) == (200, {"unloaded": [], "busy": {WORKERS[0]: 1}})
        assert not answer.done()
        goal.touch()
        assert answer.result() == 200
    gateway.stop()
    supervisor.stop()


def transcribed(gateway: HttpGateway) -> int:
    """The status of a transcription."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nsound\r\n--b--\r\n'
    header = {"Content-Type": "multipart/form-data; boundary=b"}
    request = urllib.request.Request(f"{gateway.url}/audio/transcriptions", body, header)
    with urllib.request.urlopen(request) as answer:
        return int(answer.status)


def test_the_token_is_needed(guarded: HttpGateway) -> None:
    """As by all of the API."""
    assert unload(guarded, {})[0] == 401

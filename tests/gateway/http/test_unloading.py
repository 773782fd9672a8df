"""`POST /v1/unload` ends workers, as `hushd unload` does."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from support.http_gateway import HttpGateway
from support.peer import ECHO, Supervisor, command

from .test_bodies import END, part, post
from .test_page import fetch

WORKERS = ("stt/echo/a", "tts/echo/a")


def unload(gateway: HttpGateway, data: Any) -> tuple[int, Any]:
    """The status of the answer, and its JSON."""
    answer, body = fetch(gateway, "POST", "/v1/unload", data)
    found = json.loads(body)
    return answer.status, found if answer.status == 200 else found["error"]["message"]


@pytest.mark.parametrize(
    ("data", "ended"), [({}, WORKERS), ({"workers": ["stt"]}, WORKERS[:1]), ({"workers": "tts/echo/a"}, WORKERS[1:])]
)
def test_the_named_workers_end_or_all(echo: HttpGateway, data: Any, ended: tuple[str, ...]) -> None:
    """The names are those of `hushd unload`: a role, or a whole worker."""
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
    with Supervisor(runtime, f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{slow}"), ThreadPoolExecutor(1) as pool:
        gateway = HttpGateway(runtime)
        answer = pool.submit(post, gateway, part("file", b"sound", "a.wav") + END)
        with Client() as client:
            while not any(worker.running for worker in client.status().workers):
                assert not answer.done(), answer.result()
        assert unload(gateway, {}) == (200, {"unloaded": [], "busy": {WORKERS[0]: 1}})
        assert not answer.done()
        goal.touch()
        assert answer.result()[0] == 200
        gateway.stop()

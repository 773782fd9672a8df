"""`POST /v1/unload` ends workers, as `hushd unload` does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hushd import Client
from support.http_gateway import HttpGateway

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

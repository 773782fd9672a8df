"""Every answer names its request, by the id that the supervisor's log has."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hushd_gateway.http.middleware import HEADER
from support.http_gateway import HttpGateway
from support.peer import wait_until

if TYPE_CHECKING:
    from openai import OpenAI


def named(gateway: HttpGateway, path: str, **headers: str) -> tuple[int, str]:
    """Status and `x-request-id` of a GET."""
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers[HEADER] or ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers[HEADER] or ""


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/health", {}, 200),
        ("/v1/models", {}, 200),
        ("/v1/models/no/such", {}, 404),
        ("/nowhere", {}, 404),
        ("/v1/audio/speech", {}, 405),
        ("/health", {"Host": "evil.example"}, 403),
        ("/v1/activity?since=never", {}, 400),
    ],
)
def test_every_answer_has_an_id_of_its_own(
    gateway: HttpGateway, path: str, headers: dict[str, str], status: int
) -> None:
    """Also one that refuses, and one for a path that there is not."""
    found = [named(gateway, path, **headers) for _ in range(2)]
    assert [each[0] for each in found] == [status] * 2
    assert all(len(bytes.fromhex(name)) == 4 for _, name in found)
    assert len(set(found)) == 2


def test_the_log_has_the_id_that_the_answer_names(gateway: HttpGateway, openai: OpenAI, home: Path) -> None:
    """OpenAI's own client shows it, and all that the request asked for is found in the supervisor's log by it."""
    name = openai.audio.speech.with_raw_response.create(
        input="One.", model="tts-1", voice="alloy", response_format="pcm"
    ).headers[HEADER]
    log = home / "errors"
    wait_until(lambda: f"request {name}: synthesize on tts" in log.read_text(), "the line of the request")
    others = named(gateway, "/v1/models")[1]
    assert name != others

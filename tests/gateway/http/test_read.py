"""`POST /v1/audio/read` answers with the words that would be spoken."""

from __future__ import annotations

import json

import pytest
from hushd import Client
from support.http_gateway import HttpGateway

from .test_page import fetch


@pytest.mark.parametrize(("data", "lines"), [
    ({"input": "Am 3. März\n5 kg", "language": "de"}, ["Am dritten März", "fünf Kilogramm"]),
    ({"input": "# One\n\n$n^2$", "language": "en", "markup": "markdown"}, ["One", "n squared"]),
])  # fmt: skip
def test_each_line_is_answered_in_words_and_no_worker_starts(
    echo: HttpGateway, data: dict[str, str], lines: list[str]
) -> None:
    """Each sentence of Markdown is a line."""
    answer, body = fetch(echo, "POST", "/v1/audio/read", data)
    assert (answer.status, json.loads(body)) == (200, {"lines": lines})
    with Client() as client:
        assert not any(worker.pid for worker in client.status().workers)


@pytest.mark.parametrize(("data", "sentence"), [
    ({}, "input"), ({"input": "a", "language": "??"}, "is not a language"),
    ({"input": "a", "markup": "html"}, "markup must be"),
])  # fmt: skip
def test_a_request_that_cannot_be_read_is_refused_in_a_sentence(
    echo: HttpGateway, data: dict[str, str], sentence: str
) -> None:
    """The sentence names its field."""
    answer, body = fetch(echo, "POST", "/v1/audio/read", data)
    assert answer.status == 400
    assert sentence in json.loads(body)["error"]["message"]

"""`POST /v1/audio/read` answers with the words that would be spoken."""

from __future__ import annotations

import json
import select

import pytest
from hushd import Client
from hushd_gateway.http import words
from support.http_gateway import HttpGateway

from .test_bodies import END, head, part, post
from .test_page import fetch


@pytest.mark.parametrize(("data", "lines"), [
    ({"input": "Am 3. März\n5 kg", "language": "de"}, ["Am dritten März", "fünf Kilogramm"]),
    ({"input": "# One\n\n$n^2$", "language": "en", "markup": "markdown"}, ["One", "n squared"]),
])  # fmt: skip
def test_each_line_is_answered_in_words_and_no_worker_starts(
    echo: HttpGateway, data: dict[str, str], lines: list[str]
) -> None:
    """Each sentence of Markdown is a line."""
    with Client() as client:
        before = {worker.pid for worker in client.status().workers}
        answer, body = fetch(echo, "POST", "/v1/audio/read", data)
        assert (answer.status, json.loads(body)) == (200, {"lines": lines})
        assert {worker.pid for worker in client.status().workers} <= before | {None}


@pytest.mark.parametrize(("data", "sentence"), [
    ({}, "input"), ({"input": "a", "language": "??"}, "is not a language"),
    ({"input": "a", "markup": "html"}, "markup must be"), ({"input": "half \ud83d"}, "not valid Unicode"),
])  # fmt: skip
def test_a_request_that_cannot_be_read_is_refused_in_a_sentence(
    echo: HttpGateway, data: dict[str, str], sentence: str
) -> None:
    """The sentence names its field."""
    answer, body = fetch(echo, "POST", "/v1/audio/read", data)
    assert answer.status == 400
    assert sentence in json.loads(body)["error"]["message"]


def test_a_text_that_is_too_long_is_refused(echo: HttpGateway) -> None:
    """The longest one is read; a character more is too much."""
    most = words.MAX_READ_CHARACTERS
    assert fetch(echo, "POST", "/v1/audio/read", {"input": "a" * most, "language": "en"})[0].status == 200
    answer, body = fetch(echo, "POST", "/v1/audio/read", {"input": "a" * (most + 1)})
    assert (answer.status, "50,000 characters" in json.loads(body)["error"]["message"]) == (413, True)


def test_programs_that_have_long_texts_read_keep_no_recording_waiting(echo: HttpGateway) -> None:
    """A transcription is answered while a dozen texts, the slowest to read, wait for their turns."""
    data = json.dumps(
        {"input": "! " * (words.MAX_READ_CHARACTERS // 2), "language": "en", "markup": "markdown"}
    ).encode()
    reading = [echo.connect() for _ in range(12)]
    for each in reading:
        each.sendall(head(len(data), "/v1/audio/read", "application/json") + data)
    status, body = post(echo, part("model", b"whisper-1") + part("file", b"RIFF", "a.wav") + END)
    assert (status, select.select(reading, [], [], 0)[0]) == (200, []), body
    for each in reading:
        each.close()

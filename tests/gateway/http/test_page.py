"""The page's files, and what it asks for beyond OpenAI's API, without a browser."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from hushd_gateway.http import web_page
from hushd_supervisor.core.worker.states import State
from support.http_gateway import HttpGateway

from .test_security import LOCALHOST, ask

WORDS = {"female", "male", *(state.value for state in State)}  # that the page gets from elsewhere
TEXT = "Eins 🎈. The second sentence is here."


def fetch(gateway: HttpGateway, method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", web_page.FILES)
def test_the_page_needs_no_token_and_its_browser_keeps_it(gateway: HttpGateway, path: str) -> None:
    """It holds nothing of this machine's; a browser asks whether it has changed, and gets it once."""
    answer, data = fetch(gateway, "GET", path)
    assert (answer.status, len(data) > 500, answer.headers["cache-control"]) == (200, True, "no-cache")
    again, nothing = fetch(gateway, "GET", path, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status, nothing, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert ask(LOCALHOST, "GET", path, token="secret")[0] == 200
    assert ask({"Host": "evil.example"}, "GET", path)[0] == 403


def test_the_page_is_whole_in_each_of_its_languages() -> None:
    """Each sentence that a script asks for has a translation, and each translation a place in the page."""
    folder = Path(web_page.__file__).with_name("page")
    source = "\n".join(path.read_text() for path in [*folder.glob("*.js"), folder / "page.html"])
    asked = {
        each[1]
        for each in re.findall(r"""\b(?:t|Failure|note)\(\s*(?:'[a-z]+', )?(['"])([^'"]*? [^'"]*)\1[,)]""", source)
    }
    asked |= set(re.findall(r'aria-label="([^"]*)"', source))
    languages = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json") if path.stem != "en"}
    assert set(languages) == {"de", "es", "fr", "it", "pt"}
    for code, sentences in languages.items():
        assert asked <= sentences.keys(), code
        assert [each for each in sentences if each not in source and each not in WORDS] == [], code
        holes = re.compile(r"\{\w+\}")
        assert all(set(holes.findall(each)) == set(holes.findall(said)) for each, said in sentences.items()), code


def test_the_policy_of_the_page_lets_nothing_in_from_elsewhere(gateway: HttpGateway) -> None:
    """No address but its own, no script in the text, no style but the one whose hash it has, and no frame."""
    answer, data = fetch(gateway, "GET", "/")
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall(rb"<style>(.*?)</style>", data, re.DOTALL)
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'" in policy
    assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    assert not re.search(rb"<script>|style=|\son\w+=|(?:src|href)=\"(?:https?:)?//", data)


def test_a_link_leads_to_the_page_from_anywhere_and_nothing_else_does() -> None:
    """A link may be followed from another site; frames, scripts and other paths of that site are refused."""
    link = LOCALHOST | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(link, "GET", "/")[0] == 200
    assert ask(link | {"Sec-Fetch-Dest": "iframe"}, "GET", "/")[0] == 403
    assert ask(link, "GET", "/v1/activity")[0] == 403
    assert ask(link, "POST", "/")[0] == 403
    assert ask(link | {"Origin": "https://evil.example"}, "GET", "/")[0] == 403
    assert ask(link | {"Host": "evil.example"}, "GET", "/")[0] == 403


def test_what_runs_is_shown_and_nothing_is_started_for_it(gateway: HttpGateway) -> None:
    """The status, and memory against a server that never unloads, as the commands print them with --json."""
    with Client() as client:
        started = {row.name: row.starts for row in client.status().workers}  # by other tests
    for since in ("", "?since=8h"):
        answer, data = fetch(gateway, "GET", f"/v1/activity{since}")
        found = json.loads(data)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert {row["name"]: row["starts"] for row in found["status"]["workers"]} == started
        assert 0 < found["memory"]["mean_mb"] <= found["memory"]["never_unloaded_mean_mb"]
        assert {event["name"] for event in found["memory"]["events"]} == {"supervisor", *started}
        assert 1 < len(found["memory"]["moments"]) <= 240
    answer, data = fetch(gateway, "GET", "/v1/activity?since=soon")
    assert (answer.status, json.loads(data)["error"]["param"]) == (400, "since")


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    for part in data.decode().split("\n\n"):
        if part:
            yield json.loads(part.removeprefix("data: "))


def test_speech_comes_with_the_times_of_its_words(gateway: HttpGateway) -> None:
    """Each sentence is before its audio; places count code points, and times lie within the speech."""
    body = {"input": TEXT, "response_format": "pcm", "stream_format": "sse", "timeline": True}
    _, data = fetch(gateway, "POST", "/v1/audio/speech", body)
    found = list(_events(data))
    kinds = [event["type"] for event in found]
    assert (kinds[0], kinds[-1]) == ("speech.audio.sentence", "speech.audio.done")
    sentences = [event for event in found if event["type"] == "speech.audio.sentence"]
    words = [word for sentence in sentences for word in sentence["words"]]
    assert [TEXT[word["text_start"] : word["text_end"]] for word in words][-2:] == ["is", "here."]
    audio = b"".join(base64.b64decode(event["audio"]) for event in found if event["type"] == "speech.audio.delta")
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert words[-1]["end"] <= len(audio) / 48_000 + 0.1
    answer, data = fetch(gateway, "POST", "/v1/audio/speech", {"input": TEXT, "timeline": True})
    assert (answer.status, json.loads(data)["error"]["param"]) == (400, "timeline")

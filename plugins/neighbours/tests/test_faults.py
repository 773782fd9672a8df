"""Servers that lie, hang, redirect or send too much: one sentence each, within the time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hushd_neighbours import ask, kinds
from hushd_neighbours.holding import Failed, Holding
from hushd_neighbours.server import MAX_SERVER_ANSWER_BYTES, Server
from hushd_neighbours.settings import NeighbourSettings

from . import shapes
from .scripted import Raw, Scripted, scripted

LISTINGS = {
    "ollama": "GET /api/ps", "llama-server": "GET /models", "llama-swap": "GET /running",
}  # fmt: skip
SECRET = "xyzzy-5b1f"


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "measured", lambda *_: Holding(""))


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as made:
        yield made


def _sentence(kind: str, server: Scripted) -> str:
    """The sentence with which a look fails."""
    known = {"it": NeighbourSettings(kind, server.url, token=SECRET)}
    sentence = ask.looks(known, time.monotonic() + 20)["it"]
    assert isinstance(sentence, str), sentence
    assert SECRET not in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


@pytest.mark.parametrize("kind", LISTINGS)
@pytest.mark.parametrize(("answer", "sentence"), [
    (Raw(b"{}", 500), "with status 500."),
    (Raw(b"", 401), "The server requires a token for"),
    (Raw(b"", 302, {"Location": "http://192.0.2.1/"}), "The server redirects"),
    (Raw(b"{" + b" " * MAX_SERVER_ANSWER_BYTES + b"}"), "is larger than 1 MiB."),
    (Raw(b"<html>"), "is not JSON."), (Raw(b"[" * 100_000), "is not JSON."), (Raw(b"\xff\xfe{}"), "is not JSON."),
    (None, "is not from this kind of server."), ([], "is not from this kind of server."),
    ({"models": 7, "data": 1, "running": "x"}, "is not from this kind"),
])  # fmt: skip
def test_a_bad_answer_is_one_sentence(kind: str, server: Scripted, answer: Any, sentence: str) -> None:
    """Whatever the status, the size or the shape; a redirect leads nowhere, and no sentence has the token."""
    server.answers[LISTINGS[kind]] = answer
    assert sentence in _sentence(kind, server)


@pytest.mark.parametrize(("kind", "answer"), [
    ("ollama", {"models": [{"model": "a", "size": -1, "expires_at": "2026-11-25T04:26:58Z"}]}),
    ("ollama", {"models": [{"model": "a", "size": True, "expires_at": "2026-11-25T04:26:58Z"}]}),
    ("ollama", {"models": [{"model": "a", "size": 1 << 60, "expires_at": "2026-11-25T04:26:58Z"}]}),
    ("ollama", {"models": [{"model": "a\x1b[2J", "size": 1, "expires_at": "2026-11-25T04:26:58Z"}]}),
    ("ollama", {"models": [{"model": "a" * 201, "size": 1, "expires_at": "2026-11-25T04:26:58Z"}]}),
    ("ollama", {"models": [{"model": "a", "size": 1, "expires_at": "soon"}]}),
    ("ollama", {"models": [{"model": "a", "size": 1, "expires_at": "2026-11-25T04:26:58"}]}),
    ("ollama", {"models": ["a"]}),
    ("llama-server", {"data": [{"id": "a", "owned_by": "somebody"}]}),
    ("llama-server", {"data": [{"id": "a", "owned_by": "llamacpp", "status": "loaded"}]}),
    ("llama-swap", {"running": [{"model": "a", "proxy": "http://localhost:99999"}]}),
])  # fmt: skip
def test_a_model_that_makes_no_sense_is_refused(kind: str, server: Scripted, answer: Any) -> None:
    """Sizes that nobody has, names that cannot be shown, and times without a zone."""
    server.answers[LISTINGS[kind]] = answer
    assert _sentence(kind, server).endswith("is not from this kind of server.")


def test_of_many_models_the_first_ones_count(server: Scripted) -> None:
    """No list makes a line that the supervisor would not read."""
    [row] = shapes.ollama(100)["models"]
    server.answers["GET /api/ps"] = {"models": [row | {"model": f"m{number}"} for number in range(1000)]}
    assert len(kinds.look(Server(server.url, "", time.monotonic() + 20), "ollama")) == 256


def test_an_answer_that_is_not_http_is_one_sentence() -> None:
    """Another program listens there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"http://127.0.0.1:{other.getsockname()[1]}"

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Failed, match="is not HTTP"):
            Server(url, "", time.monotonic() + 20).get("/api/ps")
        thread.join()


def test_one_that_hangs_costs_the_others_nothing(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sentence stands beside their answers, once the time is over."""
    server.answers["GET /api/ps"] = shapes.ollama(100)
    with scripted() as hanging:
        hanging.free.clear()
        known = {name: NeighbourSettings("ollama", at.url) for name, at in (("hangs", hanging), ("answers", server))}
        monkeypatch.setattr(Server, "left_s", lambda each: 0.3 if each.port == hanging.port else 60.0)
        found = ask.looks(known, time.monotonic() + 60)
        assert [*found] == ["hangs", "answers"]
        assert found["hangs"] == "The server did not answer GET /api/ps in time."
        assert [held.model for held in found["answers"] if isinstance(held, Holding)] == ["mistral:latest"]


def test_one_that_sends_a_byte_now_and_then_has_its_time_and_no_more() -> None:
    """Each byte comes before the socket's limit, and the answer ends much later."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:

        def drip() -> None:
            connection, _ = slow.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                for _ in range(400):
                    connection.sendall(b" ")
                    if over.wait(0.05):
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        known = {"it": NeighbourSettings("ollama", f"http://127.0.0.1:{slow.getsockname()[1]}")}
        try:
            assert ask.looks(known, time.monotonic() + 0.5) == {"it": "The server did not answer in time."}
        finally:
            over.set()
            thread.join()


def test_the_token_goes_to_the_named_server_alone(server: Scripted) -> None:
    """As OpenAI's clients send it; without one nothing is sent."""
    server.answers["GET /api/ps"] = {"models": []}
    with scripted({"GET /api/ps": {"models": []}}) as other:
        for url, token in ((server.url, SECRET), (other.url, "")):
            ask.looks({"it": NeighbourSettings("ollama", url, token=token)}, time.monotonic() + 20)
        assert server.tokens == [f"Bearer {SECRET}"]
        assert other.tokens == [""]


def test_an_address_may_have_a_path(server: Scripted) -> None:
    """A server behind another one is asked below it."""
    server.answers["GET /behind/api/ps"] = {"models": []}
    ask.looks({"it": NeighbourSettings("ollama", f"{server.url}/behind/")}, time.monotonic() + 20)
    assert server.asked == [("GET /behind/api/ps", None)]

"""The soak's clients: what counts as an end, and what a client does after it."""

from __future__ import annotations

import io
import json
import threading
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hushd_protocol.errors import HushdError
from storm.crowd import Person
from storm.ledger import Ledger
from storm.witness import Witness
from storm.workday import _answer, _lost, _Patient


class Wire:
    """Bytes in a socket's place."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def response(status: str, error: dict[str, Any]) -> HTTPResponse:
    body = json.dumps({"error": error}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    found = HTTPResponse(Wire(head + body))  # type: ignore[arg-type]
    found.begin()
    return found


def test_a_refusal_by_http_is_the_error_that_it_names() -> None:
    """The gateway's errors keep their code; the door's 503, which names none, is `server_busy`."""
    with pytest.raises(HushdError, match="It died") as failed:
        _answer(response("502 Bad Gateway", {"code": "worker_crashed", "message": "It died."}))
    assert failed.value.code == "worker_crashed"
    with pytest.raises(HushdError) as busy:
        _answer(response("503 Service Unavailable", {"code": None, "message": "Ask again in a moment."}))
    assert busy.value.code == "server_busy"


@pytest.mark.parametrize("error", [ConnectionResetError(), IncompleteRead(b"")])
def test_a_connection_that_ends_too_soon_is_one_error(error: Exception) -> None:
    """Whatever the library raises when the gateway is killed, the books have one code for it."""
    with pytest.raises(HushdError) as lost, _lost():
        raise error
    assert lost.value.code == "supervisor_lost"


class Client(_Patient):
    """A client without a supervisor, which counts its waits."""

    acts: ClassVar = {}

    def __init__(self, ledger: Ledger) -> None:
        threading.Thread.__init__(self)
        self.ledger, self.waits = ledger, 0
        self.over = self  # type: ignore[assignment]

    def wait(self, seconds: float) -> bool:
        self.waits += 1
        return False


def test_a_client_waits_after_an_error_only(tmp_path: Path) -> None:
    """Each request is in the books with its end, and the client pauses after the one that failed."""
    ledger = Ledger(Witness(tmp_path, tmp_path))
    client = Client(ledger)
    assert isinstance(client, Person)
    with client.request("right"):
        pass
    with client.request("refused"):
        raise HushdError("server_busy", "Not now.")
    with client.request("wrong"):
        raise AssertionError("another answer")
    assert (ledger.requests, ledger.results, dict(ledger.errors)) == (3, 1, {"server_busy": 1})
    assert ledger.lost == 1
    assert client.waits == 2
    assert ledger.complaints == ["wrong: AssertionError: another answer"]

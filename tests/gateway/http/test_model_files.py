"""Models that programs get and remove over HTTP, from a hub on this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.http_gateway import HttpGateway
from support.hub_server import Content, HubServer, serving
from support.peer import CONFIG, Peer, Supervisor, check_nothing_is_left, wait_until

FILES = ("config.json", "model.bin", "tokenizer.json")
REPOSITORY, MODEL = "Systran/faster-whisper-tiny.en", "faster-whisper/tiny.en"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with serving() as server:
        server.add(REPOSITORY, {name: name.encode() * 100 for name in FILES})
        yield server


@pytest.fixture(scope="module", params=[False, True], ids=["off", "on"])
def pulls(request: pytest.FixtureRequest) -> bool:
    """The setting: programs may get models, or may not."""
    return bool(request.param)


@pytest.fixture(scope="module")
def served(pulls: bool, home: Path, hub: HubServer) -> Iterator[HttpGateway]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("HF_ENDPOINT", hub.url), ("HF_HOME", str(home / "hf")), ("HUSHD_MODELS_DIR", str(home / "models")),
        ):  # fmt: skip
            patch.setenv(name, value)
        supervisor = Supervisor(home, f"{CONFIG}[http]\npull = {str(pulls).lower()}\n")
        assert supervisor.ready, supervisor.log()
        gateway = HttpGateway(home)
        yield gateway
        gateway.stop()
        supervisor.stop()
        check_nothing_is_left(home)


def asked(gateway: HttpGateway, method: str, name: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{gateway.url}/models/{name}", method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]


def test_a_model_comes_and_goes(pulls: bool, served: HttpGateway, hub: HubServer) -> None:
    """By the name of its repository or hushd's own, where the configuration says so; elsewhere a sentence says how."""
    if not pulls:
        for method in ("POST", "DELETE"):
            status, error = asked(served, method, REPOSITORY)
            assert (status, error["code"]) == (409, "pull_is_off")
            assert error["message"].endswith(f"set pull = true in [http], or run `hushd models pull {MODEL}`.")
        assert hub.requests == []
        return
    size = 100 * len("".join(FILES))
    status, model = asked(served, "POST", REPOSITORY)
    assert (status, model["id"], model["size"]) == (200, MODEL, size)
    assert asked(served, "POST", MODEL)[0] == 200
    assert asked(served, "DELETE", REPOSITORY) == (
        200, {"id": MODEL, "object": "model", "deleted": True, "size": size},
    )  # fmt: skip
    status, error = asked(served, "DELETE", MODEL)
    assert (status, error["code"]) == (404, "model_not_found")
    assert [asked(served, method, "no/such")[0] // 100 for method in ("POST", "DELETE")] == [4, 4]


def test_a_client_that_leaves_ends_its_download(pulls: bool, served: HttpGateway, hub: HubServer, home: Path) -> None:
    """And nobody else's: who waits for the same model gets it."""
    if not pulls:
        return
    hub.add("Systran/faster-whisper-base.en", {name: Content(name.encode(), 3_000_000) for name in FILES})
    hub.pace = 0.01
    request = b"POST /v1/models/faster-whisper/base.en HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Peer(home / "client.sock") as peer, ThreadPoolExecutor(1) as pool:
        for others in (0, 1):
            with served.connect() as leaving:
                leaving.sendall(request)
                wait_until(lambda: _pulls(peer) == 1, "the download")
                waiting = [pool.submit(asked, served, "POST", "faster-whisper/base.en") for _ in range(others)]
                wait_until(lambda others=others: _pulls(peer) == 1 + others, "the other one")
            wait_until(lambda others=others: _pulls(peer) == others, "the end of the first")
            assert not any(each.done() for each in waiting)
        hub.pace = 0.0
        assert [each.result()[0] for each in waiting] == [200]


def _pulls(peer: Peer) -> int:
    workers = peer.control("status")["workers"]
    return sum(row["running"] + row["queued"] for row in workers if row["role"] == "models")

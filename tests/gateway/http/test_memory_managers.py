"""Programs that manage ollama's, speaches', llama-swap's or vLLM's memory manage hushd's, by the same requests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from support.http_gateway import HttpGateway
from support.peer import ECHO, Supervisor, command

MODEL, WORKER = "echo/a", "stt/echo/a"


def asked(gateway: HttpGateway, method: str, path: str, data: Any = None) -> tuple[int, Any]:
    """The status of an answer, and its JSON, text or error sentence."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}{path}", body, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text[:1] in ("{", "[") else text
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["message"]


@pytest.fixture
def loaded(echo: HttpGateway) -> HttpGateway:
    """A gateway with one worker loaded, and no other."""
    with Client() as client:
        client.unload()
        client.preload(WORKER)
    return echo


def names(gateway: HttpGateway) -> list[str]:
    return [model["name"] for model in asked(gateway, "GET", "/api/ps")[1]["models"]]


def test_a_list_as_ollamas(loaded: HttpGateway) -> None:
    """With sizes, and the time at which an idle model leaves."""
    status, answer = asked(loaded, "GET", "/api/ps")
    (model,) = answer["models"]
    assert (status, model["name"], model["model"], model["size_vram"]) == (200, MODEL, MODEL, 0)
    assert model["size"] > 1_000_000
    assert model["details"]["family"] == "stt"
    expires_in = datetime.fromisoformat(model["expires_at"]) - datetime.now(UTC)
    assert timedelta() < expires_in < timedelta(days=1)


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize("zero", [0, "0", "0s", 0.0])
def test_keep_alive_0_unloads(loaded: HttpGateway, path: str, zero: object) -> None:
    """Answered as ollama's programs expect; then it is gone, and again is 404."""
    status, answer = asked(loaded, "POST", path, {"model": MODEL, "keep_alive": zero})
    assert (status, answer["model"], answer["done"], answer["done_reason"]) == (200, MODEL, True, "unload")
    assert ("response" in answer, "message" in answer) == (path.endswith("generate"), path.endswith("chat"))
    assert names(loaded) == []
    status, sentence = asked(loaded, "POST", path, {"model": MODEL, "keep_alive": zero})
    assert (status, sentence) == (404, "No such model is loaded: GET /api/ps lists those that are.")


@pytest.mark.parametrize(
    "data",
    [
        {"model": MODEL},
        {"model": MODEL, "keep_alive": "5m"},
        {"model": MODEL, "keep_alive": False},
        {"model": MODEL, "keep_alive": -1},
        {"model": MODEL, "keep_alive": 0, "prompt": "Hello"},
        {"model": MODEL, "keep_alive": 0, "messages": [{"role": "user", "content": "Hello"}]},
        {"model": "llama3:8b", "keep_alive": 0},
    ],
)
def test_anything_else_is_refused(loaded: HttpGateway, data: object) -> None:
    """With 404 and a sentence, and nothing is unloaded."""
    status, sentence = asked(loaded, "POST", "/api/generate", data)
    assert status == 404
    assert sentence.count(".") == 1
    assert names(loaded) == [MODEL]


@pytest.mark.parametrize("name", [MODEL, f"{MODEL}:latest", WORKER])
def test_a_model_is_unloaded_as_by_speaches(loaded: HttpGateway, name: str) -> None:
    """By its name in the list, or in `hushd status`."""
    assert asked(loaded, "DELETE", f"/api/ps/{name}")[0] == 200
    assert names(loaded) == []
    assert asked(loaded, "DELETE", f"/api/ps/{name}")[0] == 404


def test_a_model_is_loaded_as_by_speaches(loaded: HttpGateway) -> None:
    """Once, by its own name or by one that means it; an unknown name is 404."""
    assert asked(loaded, "POST", f"/api/ps/{WORKER}") == (409, f"{MODEL} is loaded already.")
    for name in (WORKER, "whisper-1", "Systran/faster-whisper-tiny.en", "Systran%2Ffaster-whisper-tiny.en"):
        assert asked(loaded, "DELETE", f"/api/ps/{name}")[0] == 200
        assert names(loaded) == []
        assert asked(loaded, "POST", f"/api/ps/{name}") == (201, {"message": f"{MODEL} is loaded."})
        assert names(loaded) == [MODEL]
    assert asked(loaded, "POST", "/api/ps/no/such")[0] == 404


def test_llama_swaps_words(loaded: HttpGateway) -> None:
    """A list with states, and an end of everything."""
    assert asked(loaded, "GET", "/running") == (200, {"running": [{"model": MODEL, "state": "ready"}]})
    assert asked(loaded, "POST", "/unload") == (200, "OK")
    assert asked(loaded, "GET", "/running") == (200, {"running": []})


def test_vllms_words(loaded: HttpGateway) -> None:
    """Asleep means that nothing is loaded, and whoever asks for something wakes it."""
    assert asked(loaded, "GET", "/is_sleeping") == (200, {"is_sleeping": False})
    assert asked(loaded, "POST", "/sleep?level=1") == (200, "")
    assert asked(loaded, "GET", "/is_sleeping") == (200, {"is_sleeping": True})
    assert asked(loaded, "POST", "/wake_up") == (200, "")
    assert asked(loaded, "GET", "/is_sleeping") == (200, {"is_sleeping": True})


def test_running_jobs_of_the_gateway_end_first(runtime: Path) -> None:
    """A request over HTTP that runs meanwhile is answered, though the gateway itself has asked to unload its worker."""
    goal = runtime / "goal"
    slow = command(ECHO, "--until", str(goal))
    supervisor = Supervisor(runtime, f"stt = 'echo/a'\n[worker.\"stt/echo\"]\n{slow}")
    gateway = HttpGateway(runtime)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(transcribed, gateway)
        with Client(wait=False) as client:
            while not any(worker.running for worker in client.status().workers):
                assert not answer.done(), answer.result()
        assert asked(gateway, "POST", "/unload")[0] == 200
        assert not answer.done()
        goal.touch()
        assert answer.result() == 200
    gateway.stop()
    supervisor.stop()


def transcribed(gateway: HttpGateway) -> int:
    """The status of a transcription."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nsound\r\n--b--\r\n'
    header = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{gateway.url}/audio/transcriptions", body, header)
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_token_is_needed(guarded: HttpGateway) -> None:
    """By each of them, as by all of the API."""
    for method, path in (
        ("GET", "/api/ps"), ("DELETE", "/api/ps/echo/a"), ("POST", "/api/generate"), ("POST", "/api/chat"),
        ("GET", "/running"), ("POST", "/unload"), ("POST", "/sleep"), ("POST", "/wake_up"), ("GET", "/is_sleeping"),
    ):  # fmt: skip
        assert asked(guarded, method, path, {} if method == "POST" else None)[0] == 401

"""Measures OpenAI's audio API against the socket API: the delay by HTTP, and first requests."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import soundfile
from hushd import Client

from ..stage import BIN, SENTENCE, Row, port, recording, supervisor, timed, wait_until_childless

LISTEN = '[http]\nlisten = ["127.0.0.1:0"]\n'
RUNS = 40
FEW = 9
CLIP_S = 10
KIND = "multipart/form-data; boundary=B"


def http(_: Namespace) -> Iterator[Row]:
    """Warm speech and transcriptions over HTTP and the socket API in turn; a client that leaves; what comes first."""
    with supervisor(LISTEN + "[worker]\nkeep_alive = -1\n"), Client() as client:
        with closing(HTTPConnection("127.0.0.1", port(client))) as connection:
            yield from _speech(client, connection)
            yield from _transcriptions(client, connection)
        yield from _leaving(client)
    yield from _first()
    yield from _cold()


def _speech(client: Client, connection: HTTPConnection) -> Iterator[Row]:
    def straight() -> float:
        began = time.perf_counter()
        speech = iter(client.synthesize(SENTENCE, format="wav", voice="alloy"))
        next(speech)
        first = time.perf_counter() - began
        for _ in speech:
            pass
        return first

    def by_http() -> float:
        began = time.perf_counter()
        response = speak(connection)
        response.read(1)
        first = time.perf_counter() - began
        response.read()
        return first

    value, floor, apart = in_turn(by_http, straight)
    yield Row("http: warm speech, first byte", value, "ms", "<= 30", ok=value <= 30)
    yield Row("http: the same against the socket API", value, "ms", "+ 3 ms", floor, apart <= 3, f"{apart:+.1f} ms")


def _transcriptions(client: Client, connection: HTTPConnection) -> Iterator[Row]:
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        clip = Path(folder) / "clip.wav"
        soundfile.write(clip, samples[: CLIP_S * rate], rate)
        part = b'--B\r\nContent-Disposition: form-data; name="file"; filename="clip.wav"\r\n\r\n'
        body = part + clip.read_bytes() + b"\r\n--B--\r\n"

        def straight() -> float:
            began = time.perf_counter()
            client.transcribe(clip)
            return time.perf_counter() - began

        def by_http() -> float:
            began = time.perf_counter()
            connection.request("POST", "/v1/audio/transcriptions", body, {"Content-Type": KIND})
            assert json.load(connection.getresponse())["text"]
            return time.perf_counter() - began

        value, floor, apart = in_turn(by_http, straight)
    yield Row("http: a 10 s transcription", value, "ms", "+ 3 ms", floor, apart <= 3, f"{apart:+.1f} ms")


def in_turn(ours: Callable[[], float], floor: Callable[[], float]) -> tuple[float, float, float]:
    """Medians in ms of both, in turn after two of each that do not count; and of their difference, pair by pair."""
    pairs = [(ours(), floor()) for _ in range(RUNS + 2)][2:]
    value, other = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    return value, other, statistics.median(a - b for a, b in pairs) * 1000


def _leaving(client: Client) -> Iterator[Row]:
    """From the end of a connection to the end of the job that it had asked for."""
    times = []
    for _ in range(FEW):
        connection = HTTPConnection("127.0.0.1", port(client))
        speak(connection, SENTENCE * 200).read(1)
        began = time.perf_counter()
        connection.close()
        while any(row.running for row in client.status().workers):
            pass
        times.append(time.perf_counter() - began)
    worst = max(times) * 1000
    yield Row("http: a client leaves, to the end of its job", worst, "ms", "<= 200", ok=worst <= 200, note="worst")


def _first() -> Iterator[Row]:
    """The first request to an absent gateway, with a warm worker."""
    with supervisor('gateway_idle = "0.1s"\n' + LISTEN + "[worker]\nkeep_alive = -1\n"), Client() as client:
        list(client.synthesize(SENTENCE))
        times = []
        for _ in range(FEW):
            _await_no_gateway(client)
            began = time.perf_counter()
            _speak_once(client)
            times.append(time.perf_counter() - began)
        value = statistics.median(times)
        yield Row(
            "http: first request to an absent gateway", value, "s", "<= 0.3", ok=value <= 0.3, note="whole speech"
        )


def _cold() -> Iterator[Row]:
    """Neither a gateway nor a worker: a whole speech over HTTP, and by `say -o`."""
    with (
        tempfile.TemporaryDirectory(prefix="hushd-") as folder,
        supervisor('gateway_idle = "0.1s"\n' + LISTEN) as process,
        Client() as client,
    ):
        say = [str(BIN / "say"), "-o", str(Path(folder) / "out.wav"), SENTENCE]
        ours, floors = [], []
        for _ in range(FEW):
            for column, work in ((ours, lambda: _speak_once(client)), (floors, lambda: timed(say))):
                _await_no_gateway(client)
                client.unload()
                wait_until_childless(process)
                began = time.perf_counter()
                work()
                column.append(time.perf_counter() - began)
        value, floor = statistics.median(ours), statistics.median(floors)
        yield Row(
            "http: cold gateway and worker", value, "s", "<= 1.15 x", floor, value <= 1.15 * floor, "floor: say -o"
        )


def _await_no_gateway(client: Client) -> None:
    while client.status().door.gateway.pid:
        time.sleep(0.05)


def _speak_once(client: Client) -> None:
    with closing(HTTPConnection("127.0.0.1", port(client))) as connection:
        assert speak(connection).read()


def speak(connection: HTTPConnection, text: str = SENTENCE) -> HTTPResponse:
    """The answer to a request for speech, as far as its head."""
    body = json.dumps({"model": "tts-1", "voice": "alloy", "input": text, "response_format": "wav"})
    connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    return response

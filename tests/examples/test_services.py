"""examples/fastapi_service.py, telegram_voice.py, wyoming_satellite.py and obs_captions.py, with their real libraries.

Telegram and OBS cannot be reached from a test: a server on this machine speaks their protocol in their place.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec
from typing import Any

import hushd
import pytest
import soundfile
from support.ports import served
from support.recordings import opening
from support.wer import BECKETT, word_error_rate

from .room import EXAMPLES, LIMIT_S, Room, ended

pytestmark = pytest.mark.timeout(2 * LIMIT_S)
SHORT = "Ever tried. Ever failed."  # what is said in the first three seconds


def needs(*packages: str) -> pytest.MarkDecorator:
    """A test is skipped where one of these is missing."""
    missing = ", ".join(package for package in packages if find_spec(package) is None)
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {missing}")


def form(name: str, data: bytes) -> tuple[bytes, dict[str, str]]:
    head = f'--limit\r\nContent-Disposition: form-data; name="{name}"; filename="a.wav"\r\n\r\n'
    return head.encode() + data + b"\r\n--limit--\r\n", {"Content-Type": "multipart/form-data; boundary=limit"}


@needs("fastapi", "uvicorn")
def test_a_service_hears_an_upload_and_streams_speech(room: Room) -> None:
    """A recording becomes sentences with speakers, a text an MP3, and what cannot be done its sentence and status."""
    process = room.spawn([sys.executable, "-m", "uvicorn", "fastapi_service:app", "--port", "0"])
    assert process.stderr
    address = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)))[0]

    def fetch(path: str, body: tuple[bytes, dict[str, str]] | None = None) -> bytes:
        request = urllib.request.Request(address + path, *(body or ()))
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.read()

    recording = (room.folder / "beckett.wav").read_bytes()
    transcript = json.loads(fetch("/transcripts?diarize=true", form("recording", recording)))
    assert word_error_rate(BECKETT, transcript["text"]) <= 0.15
    assert {segment["speaker"] for segment in transcript["segments"]} == {"SPEAKER_00"}
    (room.folder / "hello.mp3").write_bytes(fetch("/speech?text=The+build+is+green."))
    assert soundfile.info(room.folder / "hello.mp3").format == "MP3"
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        fetch("/transcripts", form("recording", b"no recording"))
    with refused.value as answer:
        assert json.load(answer)["code"] == "input_unreadable"
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        fetch("/speech?text=+")
    refused.value.close()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)


class Telegram(BaseHTTPRequestHandler):
    """Telegram's Bot API, as far as a bot of voice messages goes: it has two of them, from Anna and from a stranger."""

    voice = b""
    answers: list[tuple[str, dict[str, bytes]]]  # method, and its fields
    answered: threading.Event

    def do_POST(self) -> None:
        method = self.path.rpartition("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(json.dumps({"ok": True, "result": self._result(method, self._fields(body))}).encode())

    def do_GET(self) -> None:
        self._answer(self.voice)

    def log_message(self, format: str, *arguments: object) -> None:
        """It is quiet."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fields(self, body: bytes) -> dict[str, bytes]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return {name: value.encode() for name, value in urllib.parse.parse_qsl(body.decode())}
        parts: Any = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
        return {part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts}

    def _result(self, method: str, fields: dict[str, bytes]) -> Any:
        if method == "getMe":
            return {"id": 1, "is_bot": True, "first_name": "Bot", "username": "a_bot"}
        if method == "getUpdates":
            if int(fields.get("offset", b"0")) > 1:
                self.answered.wait(int(fields.get("timeout", b"0")))
                return []
            return [self._update(1, "stranger"), self._update(2, "anna")]
        if method == "getFile":
            return {"file_id": "f", "file_unique_id": "u", "file_path": "voice/file_0.oga"}
        if method in ("sendMessage", "sendVoice"):
            self.answers.append((method, fields))
            if method == "sendVoice":
                self.answered.set()
            return {"message_id": 9, "date": 0, "chat": {"id": 5, "type": "private"}}
        return True

    @staticmethod
    def _update(number: int, user: str) -> dict[str, Any]:
        voice = {"file_id": "f", "file_unique_id": "u", "duration": 8, "mime_type": "audio/ogg"}
        sender = {"id": 100 + number, "is_bot": False, "first_name": user, "username": user}
        chat = {"id": 100 + number, "type": "private"}
        message = {"message_id": number, "date": 0, "chat": chat, "from": sender, "voice": voice}
        return {"update_id": number, "message": message}


@pytest.fixture
def telegram(room: Room) -> Iterator[str]:
    """The address of the stand-in, whose voice messages are the recording as Ogg with Opus."""
    samples, rate = soundfile.read(room.folder / "beckett.wav", dtype="int16")
    soundfile.write(room.folder / "voice.oga", samples[: 3 * rate], rate, format="OGG", subtype="OPUS")
    Telegram.voice = (room.folder / "voice.oga").read_bytes()
    Telegram.answers, Telegram.answered = [], threading.Event()
    with served(Telegram) as address:
        yield address
        Telegram.answered.set()


@needs("telegram")
def test_a_bot_answers_a_voice_message(room: Room, telegram: str) -> None:
    """The answer is its words as text, and the same as a voice message; a stranger gets no answer. The library is the
    real one, and Telegram a server on this machine that speaks the Bot API."""
    environment = {"TELEGRAM_TOKEN": "1:a", "TELEGRAM_SERVER": telegram, "NO_PROXY": "127.0.0.1"}
    process = room.spawn([sys.executable, str(EXAMPLES / "telegram_voice.py"), "anna"], environment=environment)
    assert Telegram.answered.wait(LIMIT_S)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    (first, message), (second, spoken) = Telegram.answers
    assert (first, second, message["chat_id"]) == ("sendMessage", "sendVoice", b"102")
    text = message["text"].decode()
    assert text.startswith("You said: ")
    assert word_error_rate(SHORT, text.removeprefix("You said: ")) <= 0.15
    assert spoken["voice"].startswith(b"OggS")
    with hushd.Client() as client:
        assert word_error_rate(text, client.transcribe(spoken["voice"]).text) <= 0.5


def test_a_satellite_is_heard_and_answered(room: Room) -> None:
    """The program speaks Wyoming, as Home Assistant does for a satellite: prints its words, and has the answer as a
    file."""
    from support import wyoming_gateway

    opening(room.folder / "short.wav", 3)

    async def run() -> str:
        async with wyoming_gateway.served() as port:
            process = room.start("wyoming_satellite.py", f"tcp://127.0.0.1:{port}", "short.wav", "answer.wav")
            return await asyncio.to_thread(ended, process)

    assert word_error_rate(SHORT, asyncio.run(run())) <= 0.15
    with hushd.Client() as client:
        answer = client.transcribe(room.folder / "answer.wav").text
    assert word_error_rate(f"You said: {SHORT}", answer) <= 0.5


def events(*texts: str) -> str:
    """Events of captions: for each text a line in the making, then the line."""
    made = []
    for number, text in enumerate(texts):
        made.append({"kind": "unfinished", "track": "me", "stable": text.split()[0], "text": "…"})
        made.append({"kind": "line", "track": "me", "id": number, "start": number, "end": number + 1, "text": text})
    return "".join(f"{json.dumps(event)}\n" for event in made)


@pytest.mark.plugin("desktop")
def test_captions_of_a_voice_are_on_a_page(room: Room) -> None:
    """They go from the microphone by `hushd captions` to the event that the page gets; the page asks for these
    events."""
    captions = room.spawn(
        [sys.executable, "-m", "hushd", "captions", "--microphone", "--no-duck", "--json"], stderr=subprocess.DEVNULL
    )
    process = room.start("obs_captions.py", "--port", "0", stdin=captions.stdout)
    assert process.stdout
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(address, timeout=LIMIT_S) as page:
        assert b'new EventSource("/events")' in page.read()
    with urllib.request.urlopen(f"{address}events", timeout=LIMIT_S) as feed:
        shown = (json.loads(line.removeprefix(b"data: ")) for line in feed if line.strip())
        assert any("failed" in caption.lower() for caption in shown)


PASSWORD, SALT, CHALLENGE = "a password", "salt", "challenge"


def digest(text: str) -> str:
    """Returns the digest as obs-websocket makes it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.plugin("desktop")
@needs("obsws_python")
def test_captions_are_in_a_text_source(room: Room) -> None:
    """Whoever knows the password sets the text of the source, and nothing else of it.

    The library is the real one, and OBS a WebSocket on this machine that speaks its protocol, version 5.
    """
    from websockets.sync.server import ServerConnection, serve

    requests: list[dict[str, Any]] = []

    def speak(socket: ServerConnection) -> None:
        hello = {"rpcVersion": 1, "authentication": {"challenge": CHALLENGE, "salt": SALT}}
        socket.send(json.dumps({"op": 0, "d": hello}))
        identify = json.loads(socket.recv())
        assert identify["op"] == 1
        assert identify["d"]["authentication"] == digest(digest(PASSWORD + SALT) + CHALLENGE)
        socket.send(json.dumps({"op": 2, "d": {"negotiatedRpcVersion": 1}}))
        for message in map(json.loads, socket):
            requests.append(message["d"])
            status = {"result": True, "code": 100}
            names = {name: message["d"][name] for name in ("requestType", "requestId")}
            socket.send(json.dumps({"op": 7, "d": {**names, "requestStatus": status}}))

    with serve(speak, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environment = {"OBS_PASSWORD": PASSWORD, "OBS_PORT": str(server.socket.getsockname()[1])}
        process = room.start(
            "obs_captions.py", "--text", "Captions", stdin=subprocess.PIPE, environment=environment
        )  # fmt: skip
        assert ended(process, events("One.", "Two.")) == ""
        server.shutdown()
        thread.join()
    assert {request["requestType"] for request in requests} == {"SetInputSettings"}
    expected = {"inputName": "Captions", "inputSettings": {"text": "One.\nTwo."}, "overlay": True}
    assert requests[-1]["requestData"] == expected

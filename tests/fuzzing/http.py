"""OpenAI's audio API: requests and realtime sessions with altered values, damaged bodies, and ends in the middle."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from websockets.sync.client import connect

from .mutate import Feed, altered, damaged, json_file
from .serving import LISTEN, Look
from .sockets import ANSWER_S, LOOK, House

HOSTS = ("localhost", "127.0.0.1:80", "[::1]", "localhost", "evil")
PATHS = ("/v1/models", "/v1/models/x/y", "/v1/audio/voices", "/v1/realtime", "/health", "/nowhere", "//", "/%00")
FORMS = ("transcriptions", "translations")
HEADS = (
    "Origin: null", "Sec-Fetch-Site: cross-site", "Expect: 100-continue", "Upgrade: websocket\r\nConnection: Upgrade",
)  # fmt: skip
SPEECH: dict[str, Any] = {
    "input": "Hello there.", "model": "tts-1", "voice": "alloy", "response_format": "wav", "speed": 1.0,
    "stream_format": "audio", "sample_rate": 16_000, "language": "en", "instructions": "Softly.",
}  # fmt: skip
FORM: dict[str, Any] = {
    "model": "whisper-1", "language": "en", "prompt": "a", "response_format": "json", "temperature": "0",
    "stream": "false", "timestamp_granularities[]": "segment", "include[]": "", "keywords[]": "a", "languages[]": "en",
}  # fmt: skip
SESSION: dict[str, Any] = {
    "type": "transcription",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {"model": "gpt-4o-transcribe", "language": "en", "keywords": ["a"], "delay": "low"},
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
            "noise_reduction": {"type": "near_field"},
        }
    },
    "include": None,
}
EXPIRES = {"anchor": "created_at", "seconds": 60}
FLAT = {
    "input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "a"},
    "turn_detection": None, "voice": "a",
}  # fmt: skip
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "session.update", "session": SESSION},
    {"type": "session.update", "session": FLAT},
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4801)).decode()},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "response.create"},
)
LAST = {"type": "none", "event_id": "last"}  # whose error says that the session still answers


@contextmanager
def http(folder: Path) -> Iterator[Feed]:
    """Each request is answered, by no 500, and each session answers to its end; nothing is left of any."""
    uploads = folder / "uploads"
    uploads.mkdir()
    os.environ |= {"TMPDIR": str(uploads), "HUSHD_GATEWAY_IDLE": "1"}
    with House(folder, tables=LISTEN) as house:
        look = Look(house, folder)
        look.answered()
        before, count = look.descriptors(), 0

        def feed(rng: Random) -> None:
            nonlocal count
            if rng.random() < 0.3:
                _converse(rng, look.ports["http"])
            else:
                _ask(rng, look.ports["http"])
            count += 1
            if count % LOOK == 0:
                look.answered()
                look.small()

        yield feed
        look.answered()
        look.back(before)
        assert not list(uploads.glob("hushd-upload-*")), "a spool file is left"


def _ask(rng: Random, port: int) -> None:
    head, body = _request(rng)
    broken = rng.random() < 0.15
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as end, suppress(ConnectionError):
        end.sendall(damaged(rng, head + body) if broken else head + body)
        if broken:
            with suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_WR)
        found = b""
        while part := end.recv(65536):
            found += part
    assert broken or found, f"no answer to {head!r}"
    assert not found.startswith(b"HTTP/1.1 500"), f"{head!r}: {found[-300:]!r}"


def _request(rng: Random) -> tuple[bytes, bytes]:
    method, kind, body = "POST", "application/json", b""
    match rng.randrange(9):
        case 0 | 1 | 2:
            path, body = "/v1/audio/speech", json_file(rng, SPEECH)
        case 3 | 4 | 5 | 6:
            path, kind, body = f"/v1/audio/{rng.choice(FORMS)}", "multipart/form-data; boundary=B", _form(rng)
        case 7:
            path, body = "/v1/realtime/client_secrets", json_file(rng, {"session": SESSION, "expires_after": EXPIRES})
        case _:
            method, path = rng.choice(("GET", "HEAD", "PUT", "OPTIONS", "POST")), rng.choice(PATHS)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {rng.choice(HOSTS)}", f"Content-Type: {kind}", "Connection: close"]
    if rng.random() < 0.1:
        lines.append(rng.choice(HEADS))
    if rng.random() < 0.1:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n" if body else b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode(), body


def _form(rng: Random) -> bytes:
    chosen = {name: value for name, value in FORM.items() if rng.random() < 0.4}
    fields = altered(rng, chosen)
    fields = fields if isinstance(fields, dict) else FORM
    parts = [(str(name), str(value).encode(errors="replace"), "") for name, value in fields.items()]
    if rng.random() < 0.8:
        parts.insert(
            rng.randrange(len(parts) + 1), ("file", rng.randbytes(rng.choice((0, 5, 3000))), '; filename="a.wav"')
        )
    body = b"".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode(errors="replace") + value + b"\r\n"
        for name, value, more in parts
    )
    return damaged(rng, body + b"--B--\r\n") if rng.random() < 0.2 else body + b"--B--\r\n"


def _converse(rng: Random, port: int) -> None:
    """A session of some events, which answers the last one unless its program leaves before."""
    query = rng.choice(("?intent=transcription", "?model=gpt-realtime", "?intent=transcription&model=a", ""))
    with connect(f"ws://127.0.0.1:{port}/v1/realtime{query}", open_timeout=ANSWER_S, max_size=None) as session:
        for _ in range(rng.choice((1, 2, 5, 9))):
            event = rng.choice(EVENTS)
            data = json_file(rng, event) if rng.random() < 0.5 else json.dumps(event).encode()
            session.send(data if rng.random() < 0.05 else data.decode(errors="replace"))
        if rng.random() < 0.3:
            return
        session.send(json.dumps(LAST))
        while True:
            answer = json.loads(session.recv(timeout=ANSWER_S))
            assert answer.get("error", {}).get("code") != "internal_error", answer
            if answer["type"] == "error" and answer["error"].get("event_id") == LAST["event_id"]:
                return

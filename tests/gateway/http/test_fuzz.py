"""Requests of strangers, made at random from a seed: every one is answered, none by 500, and nothing is left."""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import Any

import pytest
from support.http_gateway import HttpGateway
from support.peer import BOUND_S, wait_until

COUNT = int(os.environ.get("HUSHD_HTTP_FUZZ", "600"))
PATHS = (
    "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/diarization", "/v1/models",
    "/v1/models/x", "/v1/audio/voices", "/v1/realtime", "/v1/realtime/client_secrets", "/health", "/nowhere", "//",
    "/%00",
)  # fmt: skip
NAMES = (
    "input", "model", "voice", "response_format", "speed", "stream_format", "sample_rate", "language", "instructions",
    "file", "prompt", "temperature", "stream", "timestamp_granularities[]", "include[]", "chunking_strategy",
    "chunking_strategy[type]", "keywords", "languages[]", "known_speaker_names[]", "session", "expires_after", "",
)  # fmt: skip
TEXTS = (
    "",
    "a",
    "mp3",
    "json",
    "verbose_json",
    "true",
    "1",
    "-1",
    "1e999",
    "nan",
    "\0",
    "ü\ud800",
    "{",
    "auto",
    "x" * 5000,
)


def _value(random_: random.Random, depth: int = 0) -> Any:
    kind = random_.randrange(8 if depth < 3 else 5)
    if kind == 5:
        return [_value(random_, depth + 1) for _ in range(random_.randrange(3))]
    if kind >= 6:
        return {random_.choice(NAMES): _value(random_, depth + 1) for _ in range(random_.randrange(4))}
    return (random_.choice(TEXTS), None, True, random_.randrange(-9, 10**6), random_.random() * 10)[kind]


def _form(random_: random.Random) -> bytes:
    found = b""
    for _ in range(random_.randrange(6)):
        name, value = random_.choice(NAMES), random_.choice(TEXTS).encode("utf-8", "replace")
        filename = '; filename="x"' if random_.random() < 0.5 else ""
        found += f'--B\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + value + b"\r\n"
    return found + b"--B--\r\n"


def request(random_: random.Random) -> bytes:
    """The bytes of one request, more or less."""
    if random_.random() < 0.5:
        kind, body = "application/json", json.dumps(_value(random_)).encode()
        if random_.random() < 0.5:
            body = json.dumps({random_.choice(NAMES): _value(random_) for _ in range(5)} | {"input": "x"}).encode()
    else:
        kind, body = "multipart/form-data; boundary=B", _form(random_)
    if random_.random() < 0.2:
        at = random_.randrange(len(body) + 1)
        body = body[:at] + random_.randbytes(random_.randrange(9)) + body[at + random_.randrange(9) :]
    lines = [
        f"{random_.choice(('POST', 'POST', 'POST', 'GET', 'PUT', 'OPTIONS'))} {random_.choice(PATHS)} HTTP/1.1",
        f"Host: {random_.choice(('localhost', '127.0.0.1:80', 'localhost', 'evil'))}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body) + random_.choice((0, 0, 0, 0, -1, 5))}",
    ]
    if random_.random() < 0.1:
        lines.append(
            random_.choice(("Origin: null", "Upgrade: websocket\r\nConnection: Upgrade", "Expect: 100-continue"))
        )
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _one(gateway: HttpGateway, seed: int) -> int:
    """Sends a request, ends its own half, and reads to the end; returns the status, 0 for none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(request(random.Random(seed)))
        writer.write_eof()
        async with asyncio.timeout(BOUND_S):
            data = await reader.read()
    except (ConnectionResetError, BrokenPipeError):
        return 0
    finally:
        writer.close()
    return int(data.split()[1]) if data else 0


async def _all(gateway: HttpGateway, seeds: range) -> list[int]:
    limit = asyncio.Semaphore(16)

    async def bounded(seed: int) -> int:
        async with limit:
            status = await _one(gateway, seed)
        assert status != 500, f"seed {seed}: {gateway.log()[-500:]}"
        return status

    return await asyncio.gather(*map(bounded, seeds))


@pytest.mark.timeout(170)
def test_no_request_fails_or_hangs_or_leaves_anything(echo: HttpGateway) -> None:
    """Neither a 500, nor a descriptor, nor a file, nor a line in the log."""
    asyncio.run(_all(echo, range(50)))  # what is opened once is open
    before = echo.descriptors()
    statuses = asyncio.run(_all(echo, range(50, COUNT)))
    assert {200, 400, 403, 404} <= set(statuses)
    wait_until(lambda: echo.descriptors() <= before, "the end of all descriptors")
    assert echo.uploads() == []
    assert "failed" not in echo.log()
    assert "Traceback" not in echo.log()

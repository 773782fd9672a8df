"""Two hundred connections at once over HTTP: uploads, streams, sessions and slow senders, for some minutes."""

from __future__ import annotations

import asyncio
import base64
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import psutil
from hushd import Client
from hushd_protocol.errors import HushdError
from openai import APIStatusError, AsyncOpenAI
from websockets.exceptions import InvalidStatus

from ..stage import SENTENCE, Row, port, recording, supervisor
from .http import KIND, LISTEN

CONNECTIONS = 200
MINUTES = 1.0
REFUSED = (429, 503)
SLOW_S = 5.0  # that a slow sender takes
BACK_S = 20.0  # for the gateway to give its memory back

CLIP = recording("beckett.wav").read_bytes()

Work = Callable[[AsyncOpenAI], Awaitable[bool]]


def crowd(options: Namespace) -> Iterator[Row]:
    """200 connections mixed, for --minutes (1): refusals, losses, and the gateway's memory afterwards."""
    with supervisor(LISTEN) as process, Client() as client:
        number = port(client)
        asyncio.run(_run(number, 8, time.monotonic() + 10))  # loads the modules once
        gateway = psutil.Process(client.status().door.gateway.pid)
        before = most = after = gateway.memory_info().rss / 1e6
        ends = asyncio.run(_run(number, CONNECTIONS, time.monotonic() + 60 * (options.minutes or MINUTES)))
        status = client.status()
        left = sum(row.running + row.queued for row in status.workers)
        alive = process.is_running() and status.door.gateway.pid == gateway.pid
        if alive:
            most, until = gateway.memory_info().rss / 1e6, time.monotonic() + BACK_S
            while (after := gateway.memory_info().rss / 1e6) > before + 10 and time.monotonic() < until:
                time.sleep(0.5)
    good = sum(count for name, count in ends.items() if name.endswith(" ok"))
    refused = sum(count for name, count in ends.items() if name.endswith(" refused"))
    lost = {name: count for name, count in ends.items() if not name.endswith((" ok", " refused"))}
    yield Row("crowd: answered", good, "", note=", ".join(f"{n} {c}" for n, c in sorted(ends.items()) if c))
    yield Row("crowd: refused, with Retry-After", refused, "")
    yield Row("crowd: lost or failed", sum(lost.values()), "", "0", ok=not lost, note=str(lost or ""))
    yield Row("crowd: jobs left; gateway and supervisor alive", left, "", "0", ok=alive and not left)
    note = f"{before:.0f} MB before, {most:.0f} at the end"
    yield Row("crowd: gateway's RSS afterwards", after - before, "MB", "<= 10", ok=after - before <= 10, note=note)


async def _run(number: int, connections: int, until: float) -> Counter[str]:
    """Lets each connection repeat one kind of work; counts the outcomes."""
    ends: Counter[str] = Counter()

    async def one(work: Work) -> None:
        while time.monotonic() < until:
            ends[f"{work.__name__.strip('_')} {await _end(work, client)}"] += 1

    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{number}/v1", api_key="none", max_retries=0) as client:
        await asyncio.gather(*(one(WORKS[index % len(WORKS)]) for index in range(connections)))
    return ends


async def _end(work: Work, client: AsyncOpenAI) -> str:
    """The outcome: `ok`, `refused` by an answer that says when to come again, or the error."""
    try:
        return "ok" if await work(client) else "wrong answer"
    except _Refused:
        await asyncio.sleep(1.0)
        return "refused"
    except APIStatusError as error:
        status, headers = error.status_code, error.response.headers
    except InvalidStatus as error:
        status, headers = error.response.status_code, error.response.headers
    except Exception as error:
        return f"{type(error).__name__} {error} {error.__cause__!r}"[:120]
    after = int(headers.get("Retry-After") or 0)
    if status in REFUSED and after >= 1:
        await asyncio.sleep(after)
        return "refused"
    return f"status {status}"


class _Refused(Exception):
    """An event says that there is too much to do."""


async def _upload(client: AsyncOpenAI) -> bool:
    return "again" in (await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", CLIP))).text


async def _stream(client: AsyncOpenAI) -> bool:
    events = await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", CLIP), stream=True)
    *_, last = [event async for event in events]
    return last.type == "transcript.text.done"


async def _speech(client: AsyncOpenAI) -> bool:
    made = client.audio.speech.with_streaming_response
    async with made.create(model="tts-1", voice="alloy", input=SENTENCE, response_format="pcm") as response:
        return sum([len(piece) async for piece in response.iter_bytes()]) > 50_000


async def _session(client: AsyncOpenAI) -> bool:
    connecting = client.realtime.connect(
        extra_query={"intent": "transcription"}, websocket_connection_options={"open_timeout": 120}
    )
    async with connecting as session:
        heard = {"turn_detection": None, "format": {"type": "audio/pcm", "rate": 16_000}}
        await session.session.update(session={"type": "transcription", "audio": {"input": heard}})
        await session.input_audio_buffer.append(audio=base64.b64encode(CLIP[44:64_044]).decode())
        await session.input_audio_buffer.commit()
        async for event in session:
            if event.type.endswith(".completed"):
                return bool(event.transcript)
            if event.type == "error" or event.type.endswith(".failed"):
                if HushdError(event.error.code or "", "").http_status in REFUSED:
                    raise _Refused
                raise RuntimeError(event.error.message)
    return False


async def _slow(client: AsyncOpenAI) -> bool:
    """An upload that takes some seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    try:
        body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + CLIP + b"\r\n--B--\r\n"
        head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Type: {KIND}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), len(body) // 20):
            writer.write(body[start : start + len(body) // 20])
            await asyncio.sleep(SLOW_S / 20)
        answer = await reader.read()
    finally:
        writer.close()
    if answer.startswith((b"HTTP/1.1 429 ", b"HTTP/1.1 503 ")) and b"retry-after: " in answer.lower():
        raise _Refused
    return b"again" in answer


WORKS: tuple[Work, ...] = (_upload, _stream, _speech, _session, _slow)

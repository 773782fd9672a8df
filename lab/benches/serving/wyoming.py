"""Measures Wyoming against the socket API, and beside wyoming-piper if that is installed."""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import psutil
import soundfile
from hushd import Client
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, read_event, write_event
from wyoming.info import Describe
from wyoming.tts import Synthesize, SynthesizeVoice

from ..stage import SENTENCE, Row, port, recording, supervisor
from .http import in_turn

LISTEN = '[wyoming]\nlisten = ["tcp://127.0.0.1:0"]\n'
FEW = 9
POLLS = 100
CLIP_S = 5
RIVAL = "wyoming-piper"
START_S = 30.0


def wyoming(_: Namespace) -> Iterator[Row]:
    """Warm speech and transcripts over Wyoming and the socket API in turn; a client that leaves; idle memory."""
    with supervisor(LISTEN + "[worker]\nkeep_alive = -1\n"), Client() as client:
        yield from _speech(client)
        yield from _transcripts(client)
        yield from _leaving(client)
    yield from _idle()


def _speech(client: Client) -> Iterator[Row]:
    def straight() -> float:
        began = time.perf_counter()
        speech = iter(client.synthesize(SENTENCE, keep=False))
        next(speech)
        first = time.perf_counter() - began
        for _ in speech:
            pass
        return first

    def by_wyoming() -> float:
        began = time.perf_counter()
        with connection(port(client, "wyoming")) as end:
            write_event(Synthesize(SENTENCE, voice=SynthesizeVoice(name="heart")).event(), end)
            until(end, "audio-chunk")
            first = time.perf_counter() - began
            until(end, "audio-stop")
            return first

    value, floor, apart = in_turn(by_wyoming, straight)
    yield Row("wyoming: warm speech, first audio", value, "ms", "+ 5 ms", floor, apart <= 5, f"{apart:+.1f} ms")


def _transcripts(client: Client) -> Iterator[Row]:
    samples, rate = soundfile.read(recording("beckett.wav"), dtype="int16")
    data = samples[: CLIP_S * rate].tobytes()
    sound = {"rate": rate, "width": 2, "channels": 1}

    def straight() -> float:
        began = time.perf_counter()
        client.transcribe(data, rate=rate)
        return time.perf_counter() - began

    def by_wyoming() -> float:
        with connection(port(client, "wyoming")) as end:
            for event in (Transcribe(language="en"), AudioStart(**sound), AudioChunk(audio=data, **sound)):
                write_event(event.event(), end)
            began = time.perf_counter()
            write_event(AudioStop().event(), end)
            until(end, "transcript")
            return time.perf_counter() - began

    value, floor, apart = in_turn(by_wyoming, straight)
    yield Row("wyoming: end of 5 s to transcript", value, "ms", "+ 5 ms", floor, apart <= 5, f"{apart:+.1f} ms")


def _leaving(client: Client) -> Iterator[Row]:
    """From the end of a connection to the end of the job that it had asked for."""
    times = []
    for _ in range(FEW):
        with connection(port(client, "wyoming")) as end:
            write_event(Synthesize(SENTENCE * 200).event(), end)
            until(end, "audio-chunk")
            began = time.perf_counter()
        while any(row.running for row in client.status().workers):
            pass
        times.append(time.perf_counter() - began)
    worst = max(times) * 1000
    yield Row("wyoming: a client leaves, to the end of its job", worst, "ms", "<= 200", ok=worst <= 200, note="worst")


def _idle() -> Iterator[Row]:
    """Memory and a poll while nobody asks for anything; the rival has no voice loaded yet."""
    with supervisor(LISTEN) as process, Client() as client, _rival() as (rival, rival_port):
        number = port(client, "wyoming")
        polls, rivals = ([_described(each) for _ in range(POLLS)] if each else [] for each in (number, rival_port))
        resident = process.memory_info().rss / 1e6
        floor = rival.memory_info().rss / 1e6 if rival else None
    note = f"beside it {RIVAL}, without a voice" if rival else f"{RIVAL} is not installed"
    yield Row("wyoming: idle, RSS", resident, "MB", "<= 25", floor, resident <= 25, note)
    mine, theirs = (statistics.median(column) * 1000 if column else None for column in (polls, rivals))
    yield Row("wyoming: describe", mine, "ms", floor=theirs)


@contextmanager
def _rival() -> Iterator[tuple[psutil.Process | None, int]]:
    """The rival's process and port, where it is installed."""
    program = shutil.which(RIVAL)
    if program is None:
        yield None, 0
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        words = [program, "--voice", "en_US-lessac-medium", "--uri", f"tcp://127.0.0.1:{number}", "--data-dir", folder]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(words, stdout=quiet, stderr=quiet) as process:
            try:
                _wait_for(lambda: _described(number))
                yield psutil.Process(process.pid), number
            finally:
                process.terminate()


def _wait_for(work: Callable[[], object]) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            work()
            return
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)


@contextmanager
def connection(number: int) -> Iterator[BinaryIO]:
    with socket.create_connection(("127.0.0.1", number)) as end, end.makefile("rwb") as file:
        yield file


def until(end: BinaryIO, kind: str) -> Event:
    """The first event of this kind."""
    while (event := read_event(end)) is not None:
        assert event.type != "error", json.dumps(event.data)
        if event.type == kind:
            return event
    raise AssertionError(f"the connection ended before {kind}")


def _described(number: int) -> float:
    """The seconds that Home Assistant waits for info."""
    began = time.perf_counter()
    with connection(number) as end:
        write_event(Describe().event(), end)
        until(end, "info")
    return time.perf_counter() - began

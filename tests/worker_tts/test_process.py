"""The worker as a process: its description, its start through the real harness, its end."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import soundfile
import zmq
from hushd_models.installation import extra_command
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import (  # fmt: skip
    FROM_WORKER,
    Beat,
    Bye,
    Chunk,
    Credit,
    Drain,
    Error,
    Job,
    LoadFailed,
    Message,
    Ready,
    Result,
    Welcome,
    WorkerHello,
)
from hushd_worker.harness import EXIT_LOAD_FAILED

HEAVY = ("hibari", "msgpack", "numpy", "onnxruntime", "soundfile", "zmq")


class Process:
    """A worker and the supervisor's end of its socket. Messages arrive in order; beats are passed over."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router.setsockopt(zmq.LINGER, 0)
        endpoint = f"ipc://{folder}/w"
        self._router.bind(endpoint)
        self._decoder = Decoder(FROM_WORKER)
        self._route = b""
        reader, self._lifeline = os.pipe()
        self._stdout, self._log = folder / "stdout", folder / "log"
        with open(self._stdout, "wb") as stdout, open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hushd_worker_tts", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                pass_fds=(reader,),
                process_group=0,
                env={
                    **os.environ,
                    "HUSHD_WORKER_SOCKET": endpoint,
                    "HUSHD_WORKER_TOKEN": "token",
                    "HUSHD_LIFELINE": str(reader),
                    "HUSHD_SUPERVISOR": str(os.getpid()),
                },
            )
        os.close(reader)

    def receive(self) -> Message:
        while True:
            assert self._router.poll(60_000), f"silence; the log: {self._log.read_text()}"
            self._route, *frames = self._router.recv_multipart()
            message = unpack(frames, self._decoder)
            if not isinstance(message, Beat):
                return message

    def until(self, *kinds: type[Message]) -> list[Message]:
        """All messages up to the first of one of these kinds."""
        messages = [self.receive()]
        while not isinstance(messages[-1], kinds):
            messages.append(self.receive())
        return messages

    def send(self, message: Message) -> None:
        self._router.send_multipart([self._route, *pack(message)])

    def start(self) -> Message:
        """Its `ready`, or how its load failed."""
        hello = self.receive()
        assert isinstance(hello, WorkerHello)
        assert hello.token == "token"
        self.send(Welcome(protocol=PROTOCOL, version=__version__))
        return self.until(Ready, LoadFailed)[-1]

    def leave(self) -> int:
        """Answers its bye; its exit status. Nothing may have gone to stdout."""
        assert isinstance(self.until(Bye)[-1], Bye)
        self.send(Bye())
        status = self._process.wait(60)
        assert self._stdout.read_bytes() == b""
        assert "Traceback" not in self._log.read_text()
        return status

    def close(self) -> None:
        os.close(self._lifeline)  # which ends the worker
        self._process.wait(60)
        self._context.destroy(linger=0)


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tts", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def test_speaks_through_the_harness(folder: Path) -> None:
    """A worker that gets streamed text under credit and is then ended: a WAV, a refusal, nothing on stdout."""
    process = Process(folder, ["--engine", "hibari", "--model", "default"])
    try:
        ready = process.start()
        assert isinstance(ready, Ready)
        assert (ready.slots, ready.capabilities["model"]) == (1, "en")
        assert "heart" in ready.capabilities["voices"]
        one, two = b"1" * 16, b"2" * 16
        process.send(Job(id=one, op="synthesize", params={"format": "wav"}, input="stream", credit=2))
        granted = process.receive()
        assert isinstance(granted, Credit)
        assert granted.chunks == 8
        process.send(Chunk(id=one, seq=0, payload="Hello there, caf\u00e9. This is".encode()[:17]))
        process.send(Chunk(id=one, seq=1, payload="Hello there, caf\u00e9. This is a".encode()[17:]))
        process.send(Chunk(id=one, seq=2, payload=b" test.", last=True))
        file = bytearray()
        arrived, allowed = 0, 2
        while True:
            message = process.receive()
            if isinstance(message, Result):
                break
            if isinstance(message, Chunk):
                assert message.offset is not None
                file[message.offset : message.offset + len(message.payload)] = message.payload
                arrived += 1
                assert arrived <= allowed
                if arrived == allowed:
                    allowed += 2
                    process.send(Credit(id=one, chunks=2))
        assert message.data["sentences"] == 2
        samples, rate = soundfile.read(io.BytesIO(file))
        assert len(samples) / rate == pytest.approx(message.data["duration"], abs=0.001)
        process.send(Job(id=two, op="synthesize", payload=b"  ", credit=2))
        refusal = process.receive()
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code, refusal.message) == (two, "bad_request", "There is no text to speak.")
        process.send(Drain())
        assert process.leave() == 0
    finally:
        process.close()


def test_an_unknown_engine_is_told_in_load_failed(folder: Path) -> None:
    """No crash, no traceback: the supervisor learns why trying again is useless."""
    process = Process(folder, ["--engine", "hibary", "--model", "default"])
    try:
        failed = process.start()
        assert isinstance(failed, LoadFailed)
        assert failed.code == "engine_missing"
        assert "did you mean hibari?" in failed.message
        assert process.leave() == EXIT_LOAD_FAILED
    finally:
        process.close()


def test_describes_itself_without_anything_heavy() -> None:
    """One JSON object on stdout, with what clients list: engines, models, voices."""
    command = [sys.executable, "-X", "importtime", "-m", "hushd_worker_tts", "--describe"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "hushd_worker_tts" in imported
    assert not imported & set(HEAVY)
    description = json.loads(done.stdout)
    assert (description["role"], description["version"]) == ("tts", __version__)
    engine = next(engine for engine in description["engines"] if engine["name"] == "hibari")
    assert engine["installed"] is True
    assert engine["streaming"] is True
    assert engine["install"] == extra_command("tts")
    (model,) = engine["models"]
    assert engine["default_model"] == model["name"] == "en"
    assert {"name", "languages", "memory_mb", "embedded", "installed"} == model.keys()
    heart = engine["voices"][0]
    assert heart.items() >= {
        "name": "heart", "language": "en-US", "gender": "female", "engine": "hibari", "model": "en",
        "installed": True, "sample": "Hello, my name is Heart.",
    }.items()  # fmt: skip


def test_started_by_hand_it_says_who_starts_it() -> None:
    """Without a supervisor's environment: one sentence, no traceback."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUSHD_")}
    done = subprocess.run(
        [sys.executable, "-m", "hushd_worker_tts", "--engine", "hibari"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["hushd's workers are started by its supervisor: use `hushd load` instead."]

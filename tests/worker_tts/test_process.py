"""The worker as a process: its description, its start through the real harness, its end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import soundfile
from hushd_models.installation import extra_command
from hushd_protocol import __version__
from hushd_protocol.codec import unpack
from hushd_protocol.messages import Bye, Chunk, Credit, Drain, Error, Job, Result
from support.worker_peer import Peer

HEAVY = ("hibari", "msgpack", "numpy", "onnxruntime", "soundfile", "zmq")


PROGRAM = [sys.executable, "-m", "hushd_worker_tts"]


def test_speaks_through_the_harness(start: Callable[..., Peer]) -> None:
    """A worker that gets streamed text under credit and is then ended: a WAV, a refusal, nothing on stdout."""
    worker = start([*PROGRAM, "--engine", "hibari", "--model", "default"])
    ready = worker.ready()
    assert (ready.slots, ready.capabilities["model"]) == (1, "en")
    assert "heart" in ready.capabilities["voices"]
    one, two = b"1" * 16, b"2" * 16
    worker.send(Job(id=one, op="synthesize", params={"format": "wav"}, input="stream", credit=2))
    assert worker.until(Credit)[0].chunks == 8
    worker.send(Chunk(id=one, seq=0, payload="Hello there, caf\u00e9. This is".encode()[:17]))
    worker.send(Chunk(id=one, seq=1, payload="Hello there, caf\u00e9. This is a".encode()[17:]))
    worker.send(Chunk(id=one, seq=2, payload=b" test.", last=True))
    file = bytearray()
    arrived, allowed = 0, 2
    while True:
        message = unpack(worker.frames(), worker.decoder)
        if isinstance(message, Result):
            break
        if isinstance(message, Chunk):
            assert message.offset is not None
            file[message.offset : message.offset + len(message.payload)] = message.payload
            arrived += 1
            assert arrived <= allowed
            if arrived == allowed:
                allowed += 2
                worker.send(Credit(id=one, chunks=2))
    assert message.data["sentences"] == 2
    samples, rate = soundfile.read(io.BytesIO(file))
    assert len(samples) / rate == pytest.approx(message.data["duration"], abs=0.001)
    worker.send(Job(id=two, op="synthesize", payload=b"  ", credit=2))
    refusal = worker.until(Error)[0]
    assert (refusal.id, refusal.code, refusal.message) == (two, "bad_request", "There is no text to speak.")
    worker.send(Drain())
    worker.until(Bye)
    worker.send(Bye())
    assert worker.wait() == 0
    assert worker.out.read_bytes() == b""
    assert "Traceback" not in worker.log.read_text()


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

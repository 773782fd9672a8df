"""Tests of voices made of recordings over HTTP: chatterbox's own loading code, with a stand-in for its package."""

from __future__ import annotations

import stat
import sys
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from hushd import Client
from support import python_path
from support.http_gateway import HttpGateway
from support.peer import Start
from support.recordings import opening
from support.small_models import STAND_INS

WEIGHTS = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json", "conds.pt")
SAID = {"name": "anna", "consent": "Anna agreed on 29 November."}


def sound(samples: np.ndarray) -> bytes:
    """A WAV file of these samples, at 16 kHz."""
    with wave.open(file := BytesIO(), "wb") as written:
        written.setparams((1, 2, 16_000, 0, "NONE", ""))
        written.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


NOISE = sound(np.random.default_rng(0).normal(0, 3000, 16_000 * 10))


@pytest.fixture
def sample(tmp_path: Path) -> bytes:
    """Eight seconds of one person."""
    return opening(tmp_path / "anna.wav", 8).read_bytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """chatterbox's folder, with a model."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (tmp_path / "chatterbox" / "english").mkdir(parents=True)
    for file in WEIGHTS:
        (tmp_path / "chatterbox" / "english" / file).write_bytes(b"weights")
    return tmp_path / "chatterbox"


@pytest.fixture
def http(folder: Path, start_supervisor: Start, runtime: Path) -> Iterator[httpx2.Client]:
    command = f'command = ["{sys.executable}", "-m", "hushd_worker_tts"]'
    start_supervisor(
        f'[worker."tts/chatterbox"]\n{command}\nenvironment = {{ PYTHONPATH = "{python_path.first(STAND_INS)}" }}\n'
    )
    gateway = HttpGateway(runtime)
    with httpx2.Client(base_url=f"{gateway.url}/audio", timeout=120) as client:
        yield client
    gateway.stop()


def make(http: httpx2.Client, sample: bytes, **fields: str) -> httpx2.Response:
    return http.post("/voices", data=SAID | fields, files={"audio_sample": ("anna.wav", sample)})


def test_a_recording_is_a_voice_until_it_is_deleted(http: httpx2.Client, folder: Path, sample: bytes) -> None:
    """It lies in the models folder, which nobody else reads; it speaks by its name alone, also at the command line; one
    call removes it."""
    made = make(http, sample).json()
    assert {
        "id": "anna",
        "object": "audio.voice",
        "language": "en",
        "model": "chatterbox/english",
    }.items() <= made.items()
    kept = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "voices").iterdir()}
    assert kept == {"anna.en.wav": 0o600}
    assert stat.S_IMODE((folder / "voices").stat().st_mode) == 0o700
    spoken = http.post("/speech", json={"input": "Ever tried.", "voice": "anna", "response_format": "pcm"})
    assert (spoken.status_code, spoken.headers["x-hushd-voice"], len(spoken.content)) == (200, "anna", 2 * 2640)
    assert "anna" in http.get("/voices?legacy=true").json()["voices"]
    with Client(start=False) as client:
        speech = client.synthesize("Ever tried.", voice="anna")
        speech.save(folder / "said.wav")
        assert speech.voice == "anna"
    assert make(http, sample).json()["error"]["message"].startswith("There is a voice anna")
    assert http.delete("/voices/anna").json() == {"id": "anna", "object": "audio.voice.deleted", "deleted": True}
    assert list((folder / "voices").iterdir()) == []
    assert "anna" not in http.get("/voices?legacy=true").json()["voices"]
    assert http.delete("/voices/anna").status_code == 404


@pytest.mark.parametrize(
    ("fields", "sample", "says"),
    [
        ({"consent": ""}, NOISE, "Say in consent how the person has agreed"),
        ({"name": "../anna"}, NOISE, "name must be of ASCII letters"),
        ({"name": "a.fr"}, NOISE, "name must be of ASCII letters"),
        ({"name": "Zoë"}, NOISE, "name must be of ASCII letters"),
        ({"language": "tlh"}, NOISE, "No model of chatterbox speaks tlh"),
        ({"language": "../de"}, NOISE, "No model of chatterbox speaks ../de"),
        ({}, b"text", "audio_sample must be WAV, FLAC, Ogg or MP3."),
        ({}, b"", "audio_sample must be WAV"),
        ({}, b"RIFF\0\0\0\0AVI LIST", "audio_sample must be WAV"),
        ({}, NOISE, "Nobody speaks in the recording of anna"),
        ({}, sound(np.zeros(16_000 * 60)), "The recording of anna takes more than 30 s"),
        ({}, b"OggS".ljust(5000, b"."), "The recording cannot be"),
    ],
)
def test_a_request_that_makes_no_voice_is_refused(
    http: httpx2.Client, folder: Path, fields: dict[str, str], sample: bytes, says: str
) -> None:
    """Nothing is stored without consent, under a name that leads elsewhere, or of a file in which nobody speaks."""
    answer = make(http, sample, **fields)
    assert (answer.status_code, answer.json()["error"]["message"][: len(says)]) == (400, says)
    assert not (folder / "voices").exists()


@pytest.mark.parametrize("name", ["heart", "Alloy"])
def test_a_name_that_means_another_voice_is_refused(http: httpx2.Client, sample: bytes, name: str) -> None:
    """A program that asks for `alloy` gets a voice that fits its text, never one that somebody made."""
    assert make(http, sample, name=name).json()["error"]["message"].startswith(f"There is a voice {name} already")

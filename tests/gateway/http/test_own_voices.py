"""Tests of voices made of recordings over HTTP: chatterbox's own loading code, with a stand-in for its package."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from support.http_gateway import HttpGateway
from support.peer import Start
from support.small_models import STAND_INS

WEIGHTS = ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json", "conds.pt")
SAMPLE = {"audio_sample": ("anna.wav", b"RIFF".ljust(100))}
SAID = {"name": "anna", "consent": "Anna agreed on 29 November."}


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
    start_supervisor(f'[worker."tts/chatterbox"]\n{command}\nenvironment = {{ PYTHONPATH = "{STAND_INS}" }}\n')
    gateway = HttpGateway(runtime)
    with httpx2.Client(base_url=f"{gateway.url}/audio", timeout=120) as client:
        yield client
    gateway.stop()


def test_a_recording_is_a_voice_until_it_is_deleted(http: httpx2.Client, folder: Path) -> None:
    """It lies in the models folder, which nobody else reads; it speaks by its name alone; one call removes it."""
    made = http.post("/voices", data=SAID, files=SAMPLE).json()
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
    assert http.post("/voices", data=SAID, files=SAMPLE).json()["error"]["message"].startswith("There is a voice anna")
    assert http.delete("/voices/anna").json() == {"id": "anna", "object": "audio.voice.deleted", "deleted": True}
    assert list((folder / "voices").iterdir()) == []
    assert "anna" not in http.get("/voices?legacy=true").json()["voices"]
    assert http.delete("/voices/anna").status_code == 404


@pytest.mark.parametrize(
    ("fields", "sample", "says"),
    [
        ({"consent": ""}, b"RIFF", "Say in consent how the person has agreed"),
        ({"name": "../anna"}, b"RIFF", "name must be of letters"),
        ({"name": "a.fr"}, b"RIFF", "name must be of letters"),
        ({"language": "tlh"}, b"RIFF", "No model of chatterbox speaks tlh"),
        ({"language": "../de"}, b"RIFF", "No model of chatterbox speaks ../de"),
        ({}, b"text", "audio_sample must be WAV, FLAC, Ogg or MP3."),
        ({}, b"", "audio_sample must be WAV"),
    ],
)
def test_a_request_that_makes_no_voice_is_refused(
    http: httpx2.Client, folder: Path, fields: dict[str, str], sample: bytes, says: str
) -> None:
    """Nothing is stored without consent, under a name that leads elsewhere, or of a file that is not a recording."""
    answer = http.post("/voices", data=SAID | fields, files={"audio_sample": ("a.wav", sample)})
    assert (answer.status_code, answer.json()["error"]["message"][: len(says)]) == (400, says)
    assert not (folder / "voices").exists()


def test_a_folder_that_takes_no_voice_is_named(http: httpx2.Client, folder: Path) -> None:
    """The answer says what stands in the way, and a later request makes the voice."""
    (folder / "voices").touch()
    answer = http.post("/voices", data=SAID, files=SAMPLE)
    assert answer.status_code == 507
    assert answer.json()["error"]["message"].startswith(f"The recording cannot be kept in {folder / 'voices'} (")
    (folder / "voices").unlink()
    assert http.post("/voices", data=SAID, files=SAMPLE).status_code == 200

"""Voices that imitate a person: with their recorded consent alone, while it is kept, and marked in each file."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd_models.people import PeopleFolder, Person
from hushd_protocol.errors import HushdError
from hushd_schema.speech import IMITATED, imitation_mark
from hushd_schema.voiceprint import MODEL, NUMBERS
from hushd_worker_tts.worker import Worker
from support.outside import needs

MARK = imitation_mark("Zoë")


@pytest.fixture
def imitating(tiny: Worker, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """An engine whose voice ting imitates Zoë, and whose voice tong nobody."""
    engine = type(tiny._engine)
    ting, tong = engine.voices()
    voices = (replace(ting, imitates="Zoë"), replace(tong, installed=True, model="m"))
    monkeypatch.setattr(engine, "voices", classmethod(lambda _: voices))
    return tiny


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf"])
def test_a_file_of_an_imitated_voice_is_marked(imitating: Worker, say: Callable[..., Any], format: str) -> None:
    """Its comment names the person, its sound is that of one without, and the result says so once."""
    rate = {"sample_rate": 24_000} if format == "opus" else {}
    spoken = say(imitating, "Hello. Hello again.", format=format, voice="ting", **rate)
    assert MARK.encode() in spoken.file
    assert spoken.result["imitates"] == "Zoë"
    assert [warning["code"] for warning in spoken.result["warnings"]] == [IMITATED]
    plain = say(imitating, "Hello. Hello again.", format=format, voice="tong", **rate)
    assert MARK.encode() not in plain.file
    assert not {"imitates", "warnings"} & plain.result.keys()
    file = soundfile.SoundFile(io.BytesIO(spoken.file))
    if format in ("wav", "flac", "ogg", "opus", "mp3"):  # of which libsndfile reads comments
        assert file.comment == (MARK if format != "mp3" else MARK.encode().decode("latin-1"))
    heard = file.read(dtype="int16")
    without = soundfile.read(io.BytesIO(plain.file), dtype="int16")[0]
    if format == "mp3":  # whose frames begin elsewhere
        assert abs(len(heard) - len(without)) < 0.1 * file.samplerate
    else:
        assert np.array_equal(heard, without)


@needs("ffmpeg", "ffprobe")
@pytest.mark.parametrize("format", ["m4a", "alac", "aac", "wav"])
def test_ffmpeg_reads_the_mark(imitating: Worker, say: Callable[..., Any], format: str, tmp_path: Path) -> None:
    """AAC and Apple Lossless have the comment, too; another program reads it."""
    path = tmp_path / "speech"
    path.write_bytes(say(imitating, "Hello.", format=format, voice="ting").file)
    command = ["ffprobe", "-loglevel", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    tags = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["format"]["tags"]
    assert MARK in tags.values()


def test_an_imitated_voice_speaks_from_the_beginning(imitating: Worker, say: Callable[..., Any]) -> None:
    """A text that changes to it later is refused, since the file has no mark by then; from it to another is well."""
    later = '<speak><voice name="tong">Hello.</voice> <voice name="ting">Hello.</voice></speak>'
    with pytest.raises(HushdError, match="must speak from the beginning"):
        say(imitating, later, markup="ssml", voice="tong", format="wav")
    first = '<speak><voice name="ting">Hello.</voice> <voice name="tong">Hello.</voice></speak>'
    assert MARK.encode() in say(imitating, first, markup="ssml", voice="tong", format="wav").file


def _add(name: str, *, imitation: bool) -> None:
    sound = io.BytesIO()
    soundfile.write(sound, np.sin(np.arange(32_000) / 8) / 2, 16_000, format="WAV")
    PeopleFolder().add(
        Person(
            name=name,
            voiceprint=f"{MODEL}:{base64.b64encode(bytes(2 * NUMBERS)).decode()}",
            sentence="I agree.",
            recognised="I agree.",
            language="en",
            imitation=imitation,
            added=1.0,
            recording="consent.wav",
        ),
        sound.getvalue(),
    )


@pytest.mark.skipif(not find_spec("sherpa_onnx"), reason="sherpa-onnx is not installed")
def test_pocket_imitates_who_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pocket TTS has a voice for each person who has agreed to imitation and for nobody else; a consent that is taken
    back ends it, in a worker that runs, too."""
    from hushd_worker_tts.engines.sherpa_onnx import SherpaOnnx
    from support import sherpa_voices

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(tmp_path / "state"))
    sherpa_voices.pocket(tmp_path / "models" / "sherpa-onnx" / "p")
    sherpa_voices.kitten(tmp_path / "models" / "sherpa-onnx" / "k")
    _add("Anna", imitation=True)
    _add("Bert", imitation=False)
    imitating = [voice for voice in SherpaOnnx.voices() if voice.imitates]
    assert [(voice.name, voice.imitates) for voice in imitating] == [("p.Anna", "Anna")]
    engine = SherpaOnnx("p")
    engine.load(lambda note: None)
    (anna,) = imitating
    assert sum(len(chunk.samples) for chunk in engine.synthesize("Hello there.", anna, 1.0))
    with pytest.raises(HushdError, match="has not agreed"):
        list(engine.synthesize("Hello there.", replace(anna, name="p.Bert", imitates="Bert"), 1.0))
    PeopleFolder().forget("Anna")
    assert not [voice for voice in SherpaOnnx.voices() if voice.imitates]
    with pytest.raises(HushdError, match="Nobody is known as 'Anna'"):
        list(engine.synthesize("Hello there.", anna, 1.0))

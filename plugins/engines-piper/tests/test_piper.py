"""The engine piper through its real package, on small voices that hum."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_engines_piper.engine import Piper
from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError
from hushd_reading.pronunciation import marked
from hushd_worker_tts.engine import Voice, usual_model, usual_voice
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    return tmp_path / "piper"


pytest.importorskip("piper", reason="piper is not installed: pip install 'hushd[engines-piper]'")

from support import tiny_voices  # noqa: E402
from support.tts_jobs import speak  # noqa: E402


def voice(name: str) -> Voice:
    return next(voice for voice in Piper.voices() if voice.name == name)


def loaded(model: str) -> Piper:
    engine = Piper(model)
    engine.load(lambda note: None)
    return engine


def test_speaks(models: Path) -> None:
    """A sentence is as long as its phonemes and as loud as the voice makes it, at the rate the voice's file says."""
    tiny_voices.piper(models, "mine")
    (chunk,) = loaded("mine").synthesize("Ever tried.", voice("mine"), 1.0)
    assert chunk.rate == tiny_voices.PIPER_RATE
    assert len(chunk.samples) % (tiny_voices.HOP * tiny_voices.FRAMES) == 0
    assert np.abs(chunk.samples).max() == pytest.approx(0.5, abs=0.01)
    (short,) = loaded("mine").synthesize("Ever.", voice("mine"), 1.0)
    assert len(short.samples) < 0.7 * len(chunk.samples)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_speed_is_the_length_scale_of_the_voice(models: Path, speed: float) -> None:
    """Twice as fast is half as long, whatever the voice's own scale is."""
    path = tiny_voices.piper(models, "mine")
    (natural,) = loaded("mine").synthesize("Ever tried.", voice("mine"), 1.0)
    (chunk,) = loaded("mine").synthesize("Ever tried.", voice("mine"), speed)
    assert len(chunk.samples) == pytest.approx(len(natural.samples) / speed, abs=2)
    description = path.with_name("mine.onnx.json")
    content = json.loads(description.read_text())
    content["inference"]["length_scale"] = 1.5
    description.write_text(json.dumps(content))
    (slower,) = loaded("mine").synthesize("Ever tried.", voice("mine"), speed)
    assert len(slower.samples) == pytest.approx(1.5 * len(chunk.samples), abs=2)


def test_words_are_marked_where_the_voice_says_when(models: Path) -> None:
    """The place and the time of each word; none where the voice's file has no times."""
    tiny_voices.piper(models, "timed")
    tiny_voices.piper(models, "plain", aligned=False)
    text = "Ever tried, failed."
    (chunk,) = loaded("timed").synthesize(text, voice("timed"), 1.0)
    assert [text[place:].split()[0] for place, _ in chunk.marks] == ["Ever", "tried,", "failed."]
    times = [seconds for _, seconds in chunk.marks]
    assert times == sorted(times)
    quiet = np.abs(chunk.samples) < 1e-4
    for seconds in times:  # a tone begins there, behind the silence of a space or a pad
        at = round(seconds * chunk.rate)
        assert quiet[max(at - 100, 0) : at].all()
        assert not quiet[at : at + 400].all()
    (plain,) = loaded("plain").synthesize(text, voice("plain"), 1.0)
    assert plain.marks == ()


def test_speakers_of_one_file_are_voices(models: Path) -> None:
    """Each bears its name behind the file's; the file alone is its first."""
    tiny_voices.piper(models, "many", speakers=("anna", "bert", "carl"))
    names = [v.name for v in Piper.voices() if v.installed]
    assert names == ["many", "many.anna", "many.bert", "many.carl"]
    engine = loaded("many")
    pitches = []
    for name in names:
        (chunk,) = engine.synthesize("Ever tried.", voice(name), 1.0)
        pitches.append(tiny_voices.pitch(chunk.samples, chunk.rate))
    assert pitches[0] == pitches[1]
    assert pitches[1] * 1.4 < pitches[2] < pitches[3]


@pytest.mark.parametrize(("name", "gender"), [
    ("en_US-joe-medium", "male"), ("en_US-ryan-high", "male"), ("en_US-amy-low", "female"),
    ("en_US-hfc_male-medium", "male"),
    ("en_US-hfc_female-medium", "female"), ("fr_FR-tom-medium", "male"), ("de_DE-kerstin-low", "female"),
    ("en_GB-vctk-medium", ""), ("mine", ""),
])  # fmt: skip
def test_the_gender_of_a_published_voice_is_known(models: Path, name: str, gender: str) -> None:
    """So that OpenAI's names of men are not a woman's voice where a man's is here."""
    tiny_voices.piper(models, name, language="en_US")
    assert voice(name).gender == gender


def test_what_a_voices_file_says(models: Path) -> None:
    """Language, speaker, greeting and need come from the files; the first of them is the default then."""
    tiny_voices.piper(models, "fr_FR-siwis-medium", language="fr_FR")
    siwis = voice("fr_FR-siwis-medium")
    assert (siwis.language, siwis.gender, siwis.installed) == ("fr-FR", "female", True)
    assert siwis.sample == "Bonjour, je m'appelle siwis."
    models = Piper.models()
    assert usual_model(Piper.SPEC, models) == usual_voice(Piper.SPEC, models) == "fr_FR-siwis-medium"
    (model,) = [model for model in models if model.installed]
    assert (model.name, model.languages, model.memory_mb) == ("fr_FR-siwis-medium", ("fr-FR",), 68)


def test_through_the_worker(models: Path) -> None:
    """A worker of a voice speaks with it, and with another of the folder if the request names it."""
    tiny_voices.piper(models, "en_GB-alan-medium", language="en_GB")
    tiny_voices.piper(models, "fr_FR-siwis-medium", language="fr_FR")
    worker = Worker("piper", "fr_FR-siwis-medium")
    assert worker.load(lambda note: None).voices == ("en_GB-alan-medium", "fr_FR-siwis-medium")
    assert speak(worker, "Bonjour.").result["voice"] == "fr_FR-siwis-medium"
    assert speak(worker, "Hello.", voice="en_GB-alan-medium").result["voice"] == "en_GB-alan-medium"


def test_what_is_missing_is_said_with_how_to_get_it(models: Path) -> None:
    """A voice that is not here, one without its description, one that is damaged."""
    with hushd_error("model_missing", "`hushd models pull piper/en_US-lessac-medium` gets it"):
        loaded("en_US-lessac-medium")
    path = tiny_voices.piper(models, "mine")
    path.write_bytes(b"no graph")
    with pytest.raises(
        HushdError,
        match=r"The model piper/mine does not load.*replace .*mine.onnx and mine.onnx.json by complete copies\.$",
    ):
        loaded("mine")
    path.with_name("mine.onnx.json").write_text("{")
    assert voice("mine").language == "und"
    with pytest.raises(HushdError, match="The model piper/mine does not load"):
        loaded("mine")
    path.with_name("mine.onnx.json").unlink()
    assert "mine" not in {model.name for model in Piper.models()}


def test_a_language_that_needs_more_packages_says_which(models: Path) -> None:
    """A Japanese voice is read by another package, which is named when it is not there."""
    path = tiny_voices.piper(models, "ja_JP-mine-low", language="ja_JP")
    description = path.with_name(f"{path.name}.json")
    content = json.loads(description.read_text()) | {"phoneme_type": "japanese"}
    description.write_text(json.dumps(content))
    with hushd_error("engine_missing", re.escape(package_command("piper-tts[ja]") + ".")):
        list(loaded(path.stem).synthesize("こんにちは", voice(path.stem), 1.0))


def test_marked_phonemes_reach_the_voice(models: Path) -> None:
    """A word in the phonetic alphabet is as long as its phonemes, not as the names of its letters, and keeps its time;
    a voice that has letters for phonemes does not read them."""
    tiny_voices.piper(models, "mine")
    engine = loaded("mine")
    assert engine.reads_phonemes

    def spoken(ipa: str) -> Any:
        (chunk,) = engine.synthesize(f"Ever {marked(ipa)} tried.", voice("mine"), 1.0)
        assert len(chunk.marks) == 3
        return len(chunk.samples)

    step = spoken("njɒk") - spoken("njɒ")
    assert step > 0
    assert spoken("njɒkinjɒki") - spoken("njɒki") == 5 * step
    description = models / "mine.onnx.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"phoneme_type": "text"}))
    assert not loaded("mine").reads_phonemes

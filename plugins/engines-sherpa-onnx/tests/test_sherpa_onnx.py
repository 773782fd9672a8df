"""The engine sherpa-onnx through its real package, on small models of each family."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hushd_engines_sherpa_onnx import folders
from hushd_engines_sherpa_onnx.engine import SherpaOnnx
from hushd_models import catalogue
from hushd_models.choice import recommendation
from hushd_models.languages import code
from hushd_protocol.errors import HushdError
from hushd_schema.engines import NoModel
from hushd_worker.job import Cancelled
from hushd_worker_tts.engine import Voice
from hushd_worker_tts.worker import Worker
from support.refusals import hushd_error

pytest.importorskip("onnx", reason="onnx, which makes small models, is not installed")

from support.tts_jobs import speak

from . import sherpa_voices

pytestmark = pytest.mark.skipif(
    find_spec("sherpa_onnx") is None, reason="sherpa-onnx is not installed: pip install 'hushd[engines-sherpa-onnx]'"
)

RATES = {"pocket": sherpa_voices.RATE, "supertonic": sherpa_voices.SUPERTONIC_RATE}
TEXT = "Ever tried, ever failed."


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    return tmp_path / "sherpa-onnx"


def voice(name: str) -> Voice:
    return next(voice for voice in SherpaOnnx.voices() if voice.name == name)


def loaded(model: str) -> SherpaOnnx:
    engine = SherpaOnnx(model)
    engine.load(lambda note: None)
    return engine


def seconds(engine: SherpaOnnx, name: str, text: str = TEXT, speed: float = 1.0) -> float:
    return sum(len(chunk.samples) / chunk.rate for chunk in engine.synthesize(text, voice(name), speed))


@pytest.mark.parametrize("family", RATES)
def test_each_family_speaks(models: Path, family: str) -> None:
    """A folder is recognised as its makers publish it; a text has sound, a longer one more of it, nothing none."""
    folder = getattr(sherpa_voices, family)(models / "mine")
    assert folders.described(folder).family == family
    engine = loaded("mine")
    chunks = list(engine.synthesize(TEXT, voice("mine"), 1.0))
    assert {chunk.rate for chunk in chunks} == {RATES[family]}
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert samples.dtype == np.float32
    assert 0.01 < np.abs(samples).max() <= 1
    assert 1.5 * seconds(engine, "mine") < seconds(engine, "mine", f"{TEXT} No matter, try again, fail better.")
    assert list(engine.synthesize("... —", voice("mine"), 1.0)) == []


def test_styles_and_languages(models: Path) -> None:
    """Supertonic's ten styles have their makers' names in the first language; each other has a woman's and a man's."""
    sherpa_voices.supertonic(models / "tonic", speakers=10)
    voices = {found.name: found for found in SherpaOnnx.voices() if found.model == "tonic"}
    assert [name for name, found in voices.items() if found.language == "en"][:3] == ["tonic", "tonic.F1", "tonic.F2"]
    assert (voices["tonic.M5"].gender, voices["tonic.fr"].language, voices["tonic.fr.M1"].gender) == (
        "male",
        "fr",
        "male",
    )
    assert len(voices) == 11 + 30 * 2
    engine = loaded("tonic")
    assert seconds(engine, "tonic.fr.M1", "Bonjour.") > 0


def test_sound_leaves_while_the_sentence_is_made(models: Path) -> None:
    """Pocket TTS gives 1.2 s at a time; a client that goes is noticed there, and the library makes no more."""
    sherpa_voices.pocket(models / "p")
    engine = loaded("p")
    text = "This is a sentence that is not short, and it goes on. " * 12
    whole = [len(chunk.samples) for chunk in engine.synthesize(text, voice("p"), 1.0)]
    assert len(whole) > 20
    assert whole[0] == 15 * 1920

    def gone() -> None:
        raise Cancelled

    engine.check = gone  # type: ignore[method-assign]
    heard = []
    with pytest.raises(Cancelled):
        heard += [len(chunk.samples) for chunk in engine.synthesize(text, voice("p"), 1.0)]
    engine.check = lambda: None  # type: ignore[method-assign]
    assert seconds(engine, "p") > 0
    left = engine.synthesize(text, voice("p"), 1.0)
    assert len(next(left).samples) == whole[0]
    left.close()  # returns when the library has ended
    assert seconds(engine, "p") > 0


def test_a_cloned_voice_is_refused(models: Path) -> None:
    """Pocket TTS speaks with the recordings that its makers publish; another beside them is not a voice, and a model
    without them says why."""
    folder = sherpa_voices.pocket(models / "p", voices=("bria", "loona", "my-boss"))
    assert [found.name for found in SherpaOnnx.voices() if found.model == "p"] == ["p", "p.loona"]
    for name in ("bria", "loona"):
        (folder / "test_wavs" / f"{name}.wav").unlink()
    with pytest.raises(NoModel, match="the voices of its makers' package alone"):
        folders.described(folder)
    with pytest.raises(HushdError, match="makers' package alone"):
        loaded("p")


@pytest.mark.parametrize(("family", "file", "content", "words"), [
    ("pocket", "encoder.onnx", b"no graph", "encoder.onnx is not a graph in ONNX's format"),
    ("pocket", "vocab.json", b"[", "vocab.json is not JSON"),
    ("pocket", "decoder.int8.onnx", None, r"decoder\*\.onnx is missing"),
    ("supertonic", "voice.bin", bytes(48), "voice.bin does not have the styles of speakers"),
    ("supertonic", "tts.json", b"{}", "tts.json does not describe a model of Supertonic's"),
])  # fmt: skip
def test_what_the_library_would_end_its_process_for(
    models: Path, family: str, file: str, content: bytes | None, words: str
) -> None:
    """A file that is missing or damaged is named before the library sees it, by import and by load."""
    folder = getattr(sherpa_voices, family)(models / "mine")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(NoModel, match=words):
        folders.described(folder)
    with pytest.raises(HushdError, match=r"The model sherpa-onnx/mine does not load.*replace .* by a complete copy\.$"):
        loaded("mine")
    assert "mine" not in {model.name for model in SherpaOnnx.models()}


def test_other_folders_are_not_its_models(tmp_path: Path) -> None:
    """An empty one, and one with a pipe."""
    with pytest.raises(NoModel, match="not a folder with the files of Supertonic or Pocket TTS"):
        folders.described(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(NoModel, match=r"pipe\.onnx is a pipe"):
        folders.described(tmp_path)


def test_through_the_worker(models: Path) -> None:
    """A user's model answers to the default one's name where it is alone; a language asks for a voice of it."""
    sherpa_voices.supertonic(models / "mine")
    worker = Worker("sherpa-onnx", "default")
    worker.load(lambda note: None)
    assert speak(worker, "Hello there.").result["voice"] == "mine"
    assert speak(worker, "Bonjour.", language="fr").result["voice"] == "mine.fr"
    missing = [found for found in SherpaOnnx.voices() if found.model == "supertonic-3"]
    assert len(missing) == 31
    assert not any(found.installed for found in missing)


def test_a_model_that_is_not_here_says_how_to_get_it(models: Path) -> None:
    """The command that pulls it."""
    with hushd_error("model_missing", "`hushd models pull sherpa-onnx/supertonic-3` gets it"):
        loaded("supertonic-3")


def test_what_the_core_says_of_it_is_what_it_speaks() -> None:
    """The core offers the plugin for these languages where it is not installed."""
    spoken = {code(tag) for known in catalogue.of("sherpa-onnx") for tag in known.languages}
    assert set(recommendation.SPEAKING["engines-sherpa-onnx"].split()) == spoken

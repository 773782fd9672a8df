"""The spoken language, identified by a second model: a very small one that truly computes, with weights at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_engines_transcribe_cpp import ecapa, identification, langid
from hushd_engines_transcribe_cpp.identification import MIN_PROBABILITY, Identification
from hushd_schema.engines import EngineSpec
from hushd_worker_stt.engine import DetectedLanguage, Engine, Model, Options, Segment
from hushd_worker_stt.recogniser import Recogniser
from hushd_worker_stt.segmentation.pieces import Piece
from hushd_worker_stt.worker import SpeechToText
from support.stt_jobs import make_job, s16le

from .gguf_models import header, identifying, transducer

RATE = 16_000
LABELS = ("en", "de", "iw", "ja")
GERMAN = {"de": 4.0}  # German is heard in everything
real = pytest.mark.skipif(
    find_spec("transcribe_cpp") is None,
    reason="transcribe-cpp is not installed: pip install 'hushd[engines-transcribe-cpp]'",
)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of transcribe-cpp's models, empty; the user's own models and caches are out of sight."""
    for variable, folder in (("HUSHD_MODELS_DIR", "models"), ("HUSHD_STATE_DIR", "state"), ("XDG_CACHE_HOME", "cache")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    for variable in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "models" / "transcribe-cpp"


def noise(seconds: float, seed: int = 3) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 0.1).astype(np.float32)


class Plain(Engine):
    """An engine whose model knows `languages`, and tells `tells`, if anything."""

    SPEC = EngineSpec("plain", "stt", "")

    def __init__(self, tells: DetectedLanguage | None = None) -> None:
        self.tells = tells

    @classmethod
    def installed(cls, model: str) -> bool:
        return True

    def load(self, model: str, report: Callable[[str], None]) -> None: ...

    def transcribe(self, samples: np.ndarray, options: Options) -> Iterable[Segment]:
        return []

    def detect_language(self, samples: np.ndarray) -> DetectedLanguage | None:
        return self.tells


def detected(languages: str, tells: DetectedLanguage | None = None, seconds: float = 3.0) -> DetectedLanguage | None:
    """The language of noise for a model of these languages."""
    recogniser = Recogniser(Plain(tells), Model("default", tuple(languages.split()), 10))
    job, _ = make_job(b"")
    language = recogniser.detect_language(job, Piece(0.0, noise(seconds), ((0.0, seconds),)))
    assert job.warnings == []
    return language


@real
@pytest.mark.parametrize(("languages", "logits", "expected"), [
    ("en de", {"de": 4}, "de"),
    ("en-US de-AT de-DE", {"de": 4}, "de-AT"),  # the tag is written as the model does
    ("en he", {"iw": 4}, "he"),  # the tag is that of today
    ("en de fr", {"de": 4}, "de"),  # nothing can tell French
    ("en de", {"de": 4, "ja": 5}, "de"),  # the likeliest of the model's
    ("de", {"de": 4}, None),  # there is no choice
    ("de fr", {"de": 4}, None),  # one of them has no label
    ("en de", {"de": 4, "ja": 8}, None),  # surely none of the model's
    ("en de", {}, None),  # one is as likely as the other
    ("en de he", {"de": 0.5}, None),  # the likeliest is not likelier than all others
])  # fmt: skip
def test_the_language_is_one_of_the_models(
    languages: str, logits: dict[str, float], expected: str | None, models: Path
) -> None:
    """It is written as the model has it; unknown if the model has no choice, if it is surely none of the model's, and
    if none of these is likelier than the others together."""
    identifying(models / "ears" / "ears.gguf", LABELS, logits)
    found = detected(languages)
    assert (found.tag if found else None) == expected
    if found:
        assert found.probability is not None
        assert MIN_PROBABILITY < found.probability <= 1.0


def test_a_model_that_tells_is_not_doubted(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is asked, and nothing loaded."""
    header(models / "ears" / "ears.gguf", langid.ARCHITECTURE)
    monkeypatch.setattr(identification, "Ecapa", pytest.fail)
    assert detected("en de", DetectedLanguage("de", 0.2)) == DetectedLanguage("de", 0.2)


def test_without_a_model_that_identifies_nothing_is_loaded(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that hear, and folders without any, are none."""
    monkeypatch.setattr(identification, "_load", pytest.fail)
    assert detected("en de") is None
    header(models / "mine" / "mine.gguf", "parakeet")
    (models / "empty").mkdir()
    assert detected("en de") is None
    assert not Identification(("en", "de")).possible


@real
def test_the_model_computes(tmp_path: Path) -> None:
    """The same sound has the same verdict to the bit, another sound another one, and a bound leaves only its labels."""
    loaded = ecapa.Ecapa(identifying(tmp_path / "ears.gguf", LABELS))
    assert loaded.labels == LABELS
    first = loaded.likeliest(noise(3.0), LABELS)
    assert first == loaded.likeliest(noise(3.0), LABELS)
    assert first != loaded.likeliest(np.sin(np.arange(3 * RATE, dtype=np.float32) / 9), LABELS)
    assert first[2] == 1.0
    label, probability, share = loaded.likeliest(noise(3.0), ["ja", "iw"])
    assert label in ("ja", "iw")
    assert 0.5 <= probability <= 1.0
    assert 0.0 < share < 1.0


@pytest.fixture(scope="session")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small Parakeet of 25 languages with random weights."""
    return transducer(tmp_path_factory.mktemp("gguf") / "tower.gguf", "parakeet-tdt-0.6b-v3")


@pytest.fixture
def worker(tower: Path, models: Path) -> SpeechToText:
    (models / "tower").mkdir(parents=True)
    (models / "tower" / "tower.gguf").symlink_to(tower)
    worker = SpeechToText("transcribe-cpp", "tower")
    worker.load(lambda note: None)
    return worker


SPOKEN = [Piece(0.0, noise(4.0), ((0.2, 3.8),))]


@pytest.fixture
def _speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four seconds of noise are speech."""
    monkeypatch.setattr("hushd_worker_stt.transcription.pieces", lambda *arguments: iter(SPOKEN))


def answer(worker: SpeechToText, **params: Any) -> tuple[dict[str, Any], str]:
    job, asked = make_job(s16le(SPOKEN[0].samples), {"format": "s16le", **params})
    return worker.run(job), asked.text


@real
@pytest.mark.usefixtures("_speech")
def test_a_result_has_the_language_and_its_probability(worker: SpeechToText, models: Path) -> None:
    """They are there if nobody named one; the model may come and go while the worker lives, and another take its
    place."""
    before, text = answer(worker)
    assert (before["language"], "language_probability" in before) == ("", False)
    path = identifying(models / "ears" / "ears.gguf", LABELS, GERMAN)
    result, now = answer(worker, language="auto")
    assert (result["language"], now) == ("de", text)
    assert MIN_PROBABILITY < result["language_probability"] <= 1.0
    named, _ = answer(worker, language="fr")
    assert (named["language"], "language_probability" in named) == ("fr", False)
    identifying(path, LABELS, {})  # nothing is likely
    assert answer(worker)[0] == before
    path.unlink()
    assert answer(worker)[0] == before


@real
@pytest.mark.usefixtures("_speech")
def test_a_damaged_model_costs_a_sentence(worker: SpeechToText, models: Path) -> None:
    """The text comes all the same; a whole file in the same place is used at once."""
    path = identifying(models / "ears" / "ears.gguf", LABELS, GERMAN)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    result, text = answer(worker)
    (warning,) = result["warnings"]
    assert warning["code"] == "language_unknown"
    assert warning["message"].startswith(
        "The language was not identified, since its model cannot be used (ears.gguf is "
    )
    assert warning["message"].endswith(f": replace {path} by a complete copy.")
    assert (result["language"], bool(text)) == ("", True)
    path.write_bytes(whole)
    assert answer(worker)[0]["language"] == "de"

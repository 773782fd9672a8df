"""The advice for a missing engine, model or language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_models import advice, catalogue
from hushd_models.installation import extra_command
from hushd_models.inventory import row
from hushd_models.own_model import memory_mb
from hushd_models.store import Store
from hushd_protocol.system import paths

ENGINE_INSTALLED = advice.engine_installed.__wrapped__  # without its memory


@pytest.fixture
def store(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A machine without models, on which every engine is installed."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(runtime / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    lacking(monkeypatch)
    return Store(paths.find())


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Has all engines' packages installed but these."""
    monkeypatch.setattr(advice, "find_spec", lambda package: package not in packages)
    monkeypatch.setattr(advice, "engine_installed", ENGINE_INSTALLED)


SMALL = "faster-whisper/small hears it once you have run"


@pytest.mark.parametrize(("language"), ["fr", "French", "fr-CA", "FR"])
def test_a_language_has_a_model_that_would_do(store: Store, language: str) -> None:
    """The first that is recommended, with the command that gets it and what that costs."""
    wanted = f"; {SMALL} `hushd models pull faster-whisper/small` (about 488 MB, MIT)"
    assert advice.for_language("stt", language) == wanted


def test_its_engine_comes_before_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose engine is here is preferred; where none is, the command for the engine is told as well."""
    lacking(monkeypatch, "faster_whisper")
    assert advice.for_language("stt", "fr").startswith("; onnx-asr/nemo-parakeet-tdt-0.6b-v3 hears it")
    assert advice.for_language("stt", "ja").startswith("; whisper/base hears it once")  # no recommended one is left
    lacking(monkeypatch, "faster_whisper", "onnx_asr", "whisper")
    steps = f"`{extra_command('faster-whisper')}` and `hushd models pull faster-whisper/small`"
    assert advice.for_language("stt", "fr") == f"; {SMALL} {steps} (about 488 MB, MIT)"


def test_a_model_that_is_here_does_at_once(store: Store) -> None:
    """However small it is."""
    file = store.folder / "whisper" / "tiny.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    assert advice.for_language("stt", "sw") == "; whisper/tiny hears it"


@pytest.mark.parametrize(("role", "language", "engine"), [("stt", "tlh", None), ("stt", "ja", "moonshine")])
def test_nothing_is_promised_that_there_is_not(store: Store, role: str, language: str, engine: str | None) -> None:
    """A language of no model, or of none of the engine's."""
    assert advice.for_language(role, language, engine) == ""


def test_what_is_recommended_is_known() -> None:
    """And begins with what needs no download; every role has some."""
    models = [catalogue.models()[name] for name in catalogue.recommended()]
    assert {known.role for known in models} == {"stt", "tts"}
    assert models[0].embedded


def whisper(folder: Path, tokens: int) -> None:
    folder.mkdir(parents=True)
    (folder / "vocabulary.json").write_text(json.dumps(["t"] * tokens))
    (folder / "model.bin").write_bytes(bytes(80_000_000))


def test_models_of_ones_own_know_their_languages_and_memory(store: Store) -> None:
    """The languages are read from their files; the memory is that of the catalogue's models of about their size."""
    whisper(store.folder / "faster-whisper" / "mine", 51_865)
    mine = row(store, "faster-whisper/mine")
    assert (len(mine.languages), mine.memory_mb) == (99, 302)
    whisper(store.folder / "faster-whisper" / "mine.en", 51_864)
    assert row(store, "faster-whisper/mine.en").languages == ("en",)
    voice = store.folder / "piper" / "anne.onnx"
    voice.parent.mkdir(parents=True)
    voice.write_bytes(b"graph")
    voice.with_name("anne.onnx.json").write_text('{"language": {"code": "fr_FR"}}')
    assert row(store, "piper/anne").languages == ("fr-FR",)
    voice.with_name("anne.onnx.json").write_text("{")
    assert row(store, "piper/anne").languages == ()


@pytest.mark.parametrize("engine", ["faster-whisper", "whisper", "onnx-asr", "piper", "kokoro"])
def test_memory_is_guessed_as_the_catalogue_has_it(engine: str) -> None:
    """For a model of a known size what is known of that; more for a larger one."""
    known = max((one for one in catalogue.models().values() if one.engine == engine), key=lambda one: one.size_mb)
    assert memory_mb(engine, known.size_mb) == known.memory_mb
    assert memory_mb(engine, 2 * known.size_mb) > known.memory_mb

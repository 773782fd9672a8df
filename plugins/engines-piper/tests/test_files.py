"""The voices of piper as files: which they are, what they speak, and how they are imported and made smaller."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_engines_piper.engine import SPEC, Piper
from hushd_models import catalogue
from hushd_models.choice import recommendation
from hushd_models.inventory import row
from hushd_models.languages import code
from hushd_models.store import Store
from hushd_protocol.system import paths
from hushd_worker_tts.engine import usual_model

GRAPH = b"\x08\x08" + b"\x3a\x05graph"  # ir_version 8, and a graph of five bytes


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (tmp_path / "piper").mkdir()
    return tmp_path / "piper"


def test_without_voices() -> None:
    """Each well-known voice is a model of one language, none installed; no voice without the package."""
    models = Piper.models()
    assert [model.name for model in models] == sorted(SPEC.models)
    assert not any(model.installed or model.embedded for model in models)
    assert {model.memory_mb for model in models} == {100}
    assert usual_model(SPEC, models) == SPEC.default_model
    assert ("fr-FR",) in {model.languages for model in models}
    assert len(Piper.voices()) == (len(SPEC.models) if Piper.available() else 0)


def test_which_files_are_a_voice() -> None:
    """The two of its name, in whatever folder of the collection."""
    voice = catalogue.models()["piper/fr_FR-siwis-medium"]
    files = ["fr/fr_FR/siwis/medium/fr_FR-siwis-medium.onnx", "fr_FR-siwis-medium.onnx.json"]
    assert voice.choose([*files, "x.onnx"]) == files


def test_a_voice_of_ones_own_says_its_language(folder: Path) -> None:
    """The file beside it names the language; a damaged one says nothing."""
    (folder / "anne.onnx").write_bytes(b"graph")
    description = folder / "anne.onnx.json"
    for text, languages in (('{"language": {"code": "fr_FR"}}', ("fr-FR",)), ("{", ())):
        description.write_text(text)
        assert row(Store(paths.find()), "piper/anne").languages == languages


def test_what_the_core_says_of_it_is_what_it_speaks() -> None:
    """The core offers the plugin for these languages where it is not installed."""
    spoken = {code(tag) for known in catalogue.of("piper") for tag in known.languages}
    assert set(recommendation.SPEAKING["engines-piper"].split()) == spoken

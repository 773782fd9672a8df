"""The description of the text-to-speech engines before any of them is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hushd_schema import description, engines
from hushd_schema.description import SpeakingEngine
from hushd_worker_tts import params
from hushd_worker_tts.engine import Voice
from hushd_worker_tts.engines.kokoro import Kokoro
from hushd_worker_tts.registry import REGISTRY


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No models of the user's."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))


def test_kokoro_without_files(empty: None) -> None:
    """Its three files and nine languages, none installed; 54 voices with their language and gender, once it is here."""
    models = Kokoro.models()
    assert {model.name: model.memory_mb for model in models} == {
        "kokoro-v1.0": 298, "kokoro-v1.0.fp16": 246, "kokoro-v1.0.int8": 205,
    }  # fmt: skip
    assert all(len(model.languages) == 9 and not model.installed for model in models)
    voices = Kokoro.voices()
    if Kokoro.available():
        assert len({voice.name for voice in voices}) == 54
        assert not any(voice.installed for voice in voices)
        assert Kokoro.SPEC.default_voice in {voice.name for voice in voices}
    else:
        assert voices == ()


def test_what_is_told_fits_into_an_answer(empty: None) -> None:
    """Whatever is installed here: the description of all engines is within its bound, with every voice in one form."""
    described = REGISTRY.describe().data()
    assert len(json.dumps(described, ensure_ascii=False).encode()) < REGISTRY.max_bytes + 200
    for engine in described["engines"]:
        names = [voice["name"] for voice in engine["voices"]]
        assert len(set(names)) == len(names)
        for voice in engine["voices"]:
            assert voice.keys() == {
                "name", "language", "gender", "model", "installed", "sample", "wpm", "engine",
            }  # fmt: skip
            assert voice["model"] in {model["name"] for model in engine["models"]}
    voices = [voice["name"] for engine in described["engines"] for voice in engine["voices"]]
    assert len(set(voices)) == len(voices)


@pytest.mark.parametrize(
    ("installed", "missing", "left", "samples"),
    [(10, 10, 20, True), (200, 300, 200, True), (370, 300, 370, False), (3000, 0, 60, False)],
)
def test_too_much_to_tell(
    installed: int, missing: int, left: int, samples: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the voices that are not here are left out, then samples, then the last of many."""
    voices = [
        description.Voice(
            name=f"voice-{n}",
            language="en-US",
            gender="female",
            model="m",
            installed=n < installed,
            sample="Hello, my name is a voice. " * 2,
            wpm=170,
            engine="x",
        )
        for n in range(installed + missing)
    ]
    monkeypatch.setattr(engines, "every", lambda role: [engines.get("kokoro")])
    engine = SpeakingEngine.from_data({"voices": [voice.data() for voice in voices]})
    (entry,) = replace(REGISTRY, describe_engine=lambda kind: engine).engines()
    assert [voice.name for voice in entry.voices] == [f"voice-{n}" for n in range(left)]
    assert all(bool(voice.sample) == samples for voice in entry.voices)
    assert len(json.dumps([entry.data()]).encode()) <= REGISTRY.max_bytes


@pytest.mark.parametrize(("model", "expected"), [("a", "anna"), ("b", "bert"), ("free", "anna")])
def test_a_model_speaks_with_a_voice_of_its_own(model: str, expected: str) -> None:
    """The engine's default voice where the model has it or no voice is tied to the model, else its first."""
    voices = [Voice(name, "en", "", of, True, "", 170) for name, of in (("cora", "a"), ("anna", "a"), ("bert", "b"))]
    assert params.default_voice("anna", voices, model) == expected

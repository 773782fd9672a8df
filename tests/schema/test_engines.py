"""Engines by name and by role, and the catalogues that list them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hushd_protocol.names import ENGINE_ROLES, SPEECH_ROLES
from hushd_schema import engines
from hushd_schema.description import (
    Descriptions,
    HearingEngine,
    ModelDescription,
    SpeakingDescription,
    SpeakingEngine,
    Voice,
)
from hushd_schema.engines import OnCard, by_files
from hushd_schema.settings import Settings


def test_the_default_models_are_the_supervisors() -> None:
    """The engines that are preferred, with their default models, are the supervisor's own defaults."""
    for role in filter(engines.every, ENGINE_ROLES):
        own = [engines.get(name, role) for name in engines.own(role)]
        spec = min(own or engines.every(role), key=lambda spec: spec.rank)
        assert Settings().default_model(role) == f"{spec.name}/{spec.default_model}"


def test_no_other_file_asks_for_an_engine_by_name() -> None:
    """Code outside the engines compares no name with one of hushd's engines: what each can do is in its spec."""
    own = {name for role in SPEECH_ROLES for name in engines.own(role)} - {"command", "server"}  # kinds of engines
    asked = re.compile(rf"""(?:[!=]=|\bcase|\bin \()\s*["'](?:{"|".join(own)})["'/]""")
    files = [path for path in Path(__file__).parents[2].glob("*/hushd*/**/*.py") if "engines" not in path.parts]
    assert files
    assert not [path for path in files if asked.search(path.read_text(encoding="utf-8"))]


def test_an_engine_is_found_under_its_role() -> None:
    """Another role's name finds nobody, and whoever asks for its own spec has a mistake."""
    assert engines.get("hibari", "tts").role == "tts"
    assert (engines.find("hibari", "stt"), engines.find("nobody")) == (None, None)
    with pytest.raises(AssertionError, match="hibari"):
        engines.get("hibari", "stt")
    assert [engines.robotic(name) for name in ("espeak-ng", "hibari", "moonshine", "nobody")] == [True, *[False] * 3]


@pytest.mark.parametrize(
    ("files", "megabytes"), [({"a.onnx": 10, "a.onnx_data": 20, "voices.bin": 5}, 30), ({"a.bin": 10, "b.bin": 5}, 15)]
)
def test_graphs_are_copied_to_a_card_with_their_weights(files: dict[str, int], megabytes: int) -> None:
    """The graphs and the weights beside them count, or all files of a model that has none."""
    sizes = {name: size * 1_000_000 for name, size in files.items()}
    assert engines.graphs_on_card_mb(sizes) == OnCard(machine=600 + 1.2 * megabytes, card=700 + 1.3 * megabytes)


def model(name: str, installed: bool, word_times: bool | None) -> ModelDescription:
    return ModelDescription(
        name=name, languages=(), memory_mb=1.0, embedded=False, installed=installed, word_times=word_times
    )


MODELS = (model("own", True, True), model("none", True, False), model("unsaid", True, None), model("away", False, True))


@pytest.mark.parametrize(("able", "with_words"), [(True, ["own", "unsaid"]), (False, ["own"])])
def test_what_a_model_does_not_say_of_word_times_its_engine_says(able: bool, with_words: list[str]) -> None:
    """The rule holds for the models that are installed."""
    engine = HearingEngine.from_data({"name": "e", "word_times": able, "models": [each.data() for each in MODELS]})
    assert engine.models_with_words() == with_words
    assert engine.installed_models() == ["own", "none", "unsaid"]


def test_catalogues_are_kept_by_role() -> None:
    """One is exchanged for a newer one, and the others stay; the voices are those of all engines in turn."""
    names = {"a": ("ann", "bob"), "b": ("cy",)}
    voices = {engine: [{"name": name} for name in those] for engine, those in names.items()}
    speaking = SpeakingDescription(
        role="tts",
        version="1",
        engines=tuple(SpeakingEngine.from_data({"name": name, "voices": each}) for name, each in voices.items()),
    )
    assert speaking.voices() == [Voice.from_data({"name": name}) for name in ("ann", "bob", "cy")]
    empty = Descriptions.from_data({role: {"version": role} for role in ("stt", "tts", "wake", "models")})
    for role in ("stt", "tts", "wake", "models"):
        assert empty.of(role).version == role
    newer = empty.having("tts", speaking)
    assert (newer.of("tts"), newer.stt, newer.models) == (speaking, empty.stt, empty.models)


@pytest.mark.parametrize(("languages", "tokens", "read"), [
    (["en", "yue"], ["<|fr|>"], ("en", "yue")),
    ([], ["<|fr|>", "<|yue|>", "<|nospeech|>", "<|x|>", "de", "<|de|> "], ("fr", "yue")),
    (["en", 3], ["<|fr|>"], ("fr",)), ("en", ["<|fr|>"], ("fr",)), (None, None, ()),
])  # fmt: skip
def test_a_recogniser_hears_the_languages_that_its_files_name(
    languages: object, tokens: list[str] | None, read: tuple[str, ...], tmp_path: Path
) -> None:
    """Its description's, else those that have a token; a file that does not belong to it is not read."""
    (tmp_path / "config.json").write_text(json.dumps({"languages": ["ja"] if languages is None else languages}))
    (tmp_path / "added_tokens.json").write_text(json.dumps(dict.fromkeys(tokens or ["<|ja|>"], 1)))
    files = [] if tokens is None else ["config.json", "added_tokens.json"]
    assert by_files.languages_of_recogniser(tmp_path, files) == read
    assert by_files.languages_of_chatterbox(tmp_path, ["t3.safetensors"]) == ("en",)
    assert len(by_files.languages_of_chatterbox(tmp_path, ["t3_mtl.safetensors"])) == 23

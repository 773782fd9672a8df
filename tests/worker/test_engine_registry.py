"""Finding the engines of either role by name, and describing them without loading any."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hushd_models import advice
from hushd_schema import engines
from hushd_schema.description import EngineDescription
from hushd_worker.engine_registry import EngineRegistry, choose_model
from hushd_worker_stt.registry import REGISTRY as STT
from hushd_worker_tts.engine import Engine
from hushd_worker_tts.registry import REGISTRY as TTS
from msgspec import structs
from support.engine_example import package
from support.refusals import hushd_error

Registry = EngineRegistry[Any, Any]
both = pytest.mark.parametrize("registry", [STT, TTS], ids=["stt", "tts"])


@both
def test_own_engines_are_what_their_specs_say(registry: Registry) -> None:
    """Each imports, and bears the name, the default model and the command to install that its spec has."""
    described = {entry.name: entry for entry in registry.describe().engines}
    for spec in engines.every(registry.role):
        if spec.name not in ("command", "server"):
            assert described[spec.name].default_model == spec.default_model
            assert described[spec.name].install == advice.engine_command(spec.name)


@pytest.mark.parametrize(("registry", "name", "words"), [
    (STT, "moonshin", "speech-to-text engine 'moonshin' (did you mean moonshine?): use command, faster-whisper, "),
    (STT, "zzz", "engine 'zzz': use command, faster-whisper, moonshine, onnx-asr, server"),
    (STT, "", "that adds one (entry point group hushd.engine_specs)."),
    (TTS, "hibary", "text-to-speech engine 'hibary' (did you mean hibari?): use chatterbox, command, espeak-ng, "),
    (TTS, "x" * 500, "xxx...: use chatterbox"),
])  # fmt: skip
def test_an_unknown_engine_is_named_with_what_there_is(registry: Registry, name: str, words: str) -> None:
    """One sentence: the name, the one that may have been meant, and where engines come from."""
    with hushd_error("engine_missing", has=words):
        registry.find(name)


@both
def test_other_packages_add_engines(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine comes by its spec; one that does not import or is none is named and takes no other with it, and none
    takes the place of one of hushd's."""
    here = [spec.name for spec in engines.every(registry.role)]
    own, other = [(name, engines.get(name, registry.role).engine) for name in here[:2]]
    added = {"added": other[1], "gone": "no_such_module:Engine", "odd": "json:dumps", own[0]: "no_such_module:Engine"}
    package(tmp_path, "others", "hushd.engine_specs", {name: f"{registry.role}_{name}:SPEC" for name in added})
    for name, engine in added.items():
        spec = f"EngineSpec({name!r}, {registry.role!r}, {engine!r})"
        (tmp_path / f"{registry.role}_{name}.py").write_text(
            f"from hushd_schema.engines import EngineSpec\nSPEC = {spec}\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert registry.find("added") is registry.find(other[0])
    described = registry.describe()
    assert described.data().keys() == {"role", "version", "engines"}
    assert {engine.name for engine in described.engines} == {*here, "added"}
    errors = capsys.readouterr().err
    assert "the engine 'gone' cannot be imported (No module named 'no_such_module')" in errors
    assert (
        f"the engine 'odd' cannot be imported (json:dumps is not a subclass of {registry.contract.__module__}."
        in errors
    )
    for name in ("gone", "odd"):
        with hushd_error("engine_missing", f"engine '{name}' cannot be imported"):
            registry.find(name)


def test_a_description_is_shortened_only_as_far_as_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is taken while the description is still too large, and no more."""
    monkeypatch.setattr(engines, "every", lambda role: [engines.get("espeak-ng")])
    large = EngineDescription(name="", installed=True, install="n" * 5000, default_model="", models=())
    short = EngineRegistry(
        role="tts",
        kind="",
        contract=Engine,
        describe_engine=lambda engine: large,
        max_bytes=0,
        shorten=[lambda engine: structs.replace(engine, install=engine.install[::2])] * 9,
    )
    for bound, left in ((10_000, 5000), (3_000, 2500), (500, 313)):
        (described,) = replace(short, max_bytes=bound).engines()
        assert len(described.install) == left
        assert len(json.dumps(described.data())) <= bound


def test_a_model_is_chosen_by_name() -> None:
    """`default` means the engine's default, whether or not it is there; another name has to be one of its models."""
    assert choose_model("e", "default", "a", []) == "a"
    assert choose_model("e", "b", "a", ["a", "b"]) == "b"
    for known, words in ((["abc", "b"], "e has no model 'abd' (did you mean abc?): use abc or b."), ([], "none is in")):
        with hushd_error("model_missing", re.escape(words)):
            choose_model("e", "abd", "a", known)

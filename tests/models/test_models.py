"""The catalogue of models: its data makes sense, and says what the engines say; what users may add to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hushd_models import advice, catalogue, hf_cache
from hushd_models.catalogue import Files, Known, NamedVoice
from hushd_models.manifest import split
from hushd_protocol.names import ENGINE_ROLES, SPEEDS
from hushd_schema import engines as specs
from hushd_schema.description import HearingDescription
from hushd_schema.engines import EngineSpec


def test_every_model_makes_sense() -> None:
    """Names are safe as paths, and none stands for two models; each can be got in one way, and tells what it costs."""
    every = catalogue.models()
    names = [f"{known.engine}/{name}" for known in every.values() for name in known.names]
    assert len(names) == len(set(names)) > 60
    for name, known in every.items():
        assert name == known.model
        split(name)
        assert catalogue.engines()[known.engine].role in ENGINE_ROLES
        assert known.role == catalogue.engines()[known.engine].role
        assert known.speed in SPEEDS
        assert known.languages
        assert known.licence
        assert 0 < known.size_mb <= 5000
        assert known.memory_mb > 20
        assert bool(known.repository) + bool(known.url) + bool(known.package) == 1
        assert bool(known.files) == (known.kind in ("hub", "url"))
        assert set(known.sha256) <= {pattern for files in known.files for pattern in files.needed}
        assert known.url.startswith("https://") or not known.url
    assert {known.kind for known in every.values()} == {"hub", "url", "embedded", "system"}
    embedded = {known.model for known in every.values() if known.embedded}
    assert embedded - {"micro/words"} == {"moonshine/tiny-en", "hibari/en"}  # that one is wake's, a guest


@pytest.mark.parametrize("role", ["stt", "tts"])
def test_it_says_what_the_engines_say(role: str, tmp_path: Path) -> None:
    """Names, languages, memory and embedded files, of every model that the engines describe where nothing is
    installed; a model under several names is described under each."""
    environment = {"HUSHD_MODELS_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    environment["PYTHONIOENCODING"] = "ascii"  # as some set it, though voices are described in their own letters
    program = [sys.executable, "-m", f"hushd_worker_{role}", "--describe"]
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    described = {
        f"{engine['name']}/{model['name']}": (model["memory_mb"], model["embedded"], tuple(model["languages"]))
        for engine in json.loads(done.stdout)["engines"]
        for model in engine["models"]
        if engine["name"] != "command"
    }
    assert described == {
        f"{known.engine}/{name}": (known.memory_mb, known.embedded, known.languages)
        for known in catalogue.models().values()
        for name in known.names
        if known.role == role and not known.voice
    }


def test_which_files_are_the_models() -> None:
    """The best way in which a source has the model whole, with what may come along; nothing of the other ways."""
    canary = catalogue.models()["onnx-asr/canary-180m-flash"]
    full = ["encoder-model.onnx", "encoder-model.onnx.data", "decoder-model.onnx", "vocab.txt", "config.json"]
    int8 = ["encoder-model.int8.onnx", "decoder-model.int8.onnx"]
    assert canary.choose([*full, *int8, "README.md"]) == sorted([*int8, "vocab.txt", "config.json"])
    assert canary.choose([*full, int8[0]]) == sorted(full)
    assert canary.choose([*int8, "config.json"]) is None
    assert canary.choose([]) is None


@pytest.mark.parametrize(("pattern", "matching", "others"), [
    ("a.b", ["a.b"], ["aXb", "x/a.b", "a.b\n"]),
    ("*.bin", ["a.bin", ".bin"], ["x/a.bin", "a.bin.part"]),
    ("a?b", ["axb"], ["ab", "a/b"]),
    ("*/a", ["x/a"], ["a", "x/y/a"]),
    ("**/a", ["a", "x/a", "x/y/a"], ["xa", "x/ya"]),
    ("[a]+(b)", ["[a]+(b)"], ["ab"]),
])  # fmt: skip
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    """`*` and `?` stay within a folder, `**/` is any or none, everything else is itself."""
    assert Files((pattern,)).choose([*matching, *others]) == sorted(matching)


@pytest.mark.parametrize(("model", "language", "by_spec", "by_description"), [
    ("moonshine/tiny-en", "en-GB", True, False), ("moonshine/tiny-en", "de", False, True),
    ("moonshine/base", "en", None, True), ("whisper/base", "fr-CA", True, True),
    ("mine/some", "mt", None, True), ("mine/silent", "fr", None, None), ("mine/nothing", "fr", None, None),
])  # fmt: skip
def test_the_languages_that_a_model_hears(
    model: str, language: str, by_spec: bool | None, by_description: bool | None
) -> None:
    """They are as the model here is described, of its own engine, else as its spec has them; `*` is every language."""
    rows = {
        "moonshine": {"tiny-en": ["de"], "base": ["en"]},
        "mine": {"tiny-en": ["pt"], "base": ["pt"], "some": ["*"], "silent": []},
    }
    engines = [
        {"name": name, "models": [{"name": each, "languages": tags} for each, tags in models.items()]}
        for name, models in rows.items()
    ]
    described = HearingDescription.from_data({"role": "stt", "engines": [*engines[::-1]]})
    assert catalogue.hears(model, language) is by_spec
    assert catalogue.hears(model, language, described) is by_description


def test_names_and_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alias is the model it stands for; the sentence for a missing model names it, and what it costs."""
    turbo = catalogue.find("whisper/turbo")
    assert turbo is catalogue.models()["whisper/large-v3-turbo"]
    assert catalogue.canonical("whisper/turbo") == "whisper/large-v3-turbo"
    assert catalogue.canonical("whisper/mine") == "whisper/mine"
    assert catalogue.find("whisper/mine") is None
    assert [known.name for known in catalogue.of("whisper")][-2:] == ["large-v3-turbo", "turbo"]
    monkeypatch.setattr(advice, "engine_installed", lambda engine: True)
    missing = "is not on this machine: "
    for model, words in (
        ("base", "`hushd models pull whisper/base` gets it (about 148 MB, MIT)."),
        ("mine", "MODELS.md"),
    ):
        error = advice.missing(f"whisper/{model}")
        assert error.code == "model_missing"
        assert error.message.startswith(f"The model whisper/{model} {missing}")
        assert words in error.message


def entries(**memory: int) -> dict[str, Known]:
    """Models of the engine e by their sizes in MB, such as `s100=300`, a model of 100 MB that takes 300."""
    return {size: Known("e", size, "stt", size_mb=int(size[1:]), memory_mb=mb) for size, mb in memory.items()}


LINE = entries(s100=300, s200=500, s400=600)


@pytest.mark.parametrize(
    ("known", "size_mb", "memory_mb"),
    [
        ({}, 100, 0), (entries(s100=300), 150, 350), (entries(s100=50), 49, 0), (entries(s100=50), 51, 1),
        (LINE, 100, 300), (LINE, 50, 200), (LINE, 150, 400), (LINE, 200, 500), (LINE, 300, 550), (LINE, 500, 650),
        (entries(s100=100, s200=500), 70, 0),
    ],
)  # fmt: skip
def test_memory_is_on_the_line_through_the_known_models(
    known: dict[str, Known], size_mb: int, memory_mb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line goes between the two nearest, and on beyond the ends; memory is never less than nothing."""
    monkeypatch.setattr(catalogue, "_of", lambda name: known)
    assert catalogue.memory_of_files("e", {"a": size_mb * 400_000, "b": size_mb * 600_000}) == memory_mb


def damaged(*_: object) -> NoReturn:
    raise ZeroDivisionError


@pytest.mark.parametrize(("spec", "told"), [
    (None, ((), 0)),
    ({}, ((), 0)),
    ({"languages": lambda *_: ("de",), "memory_mb": lambda _: 6.6}, (("de",), 7)),
    ({"languages": damaged}, ((), 0)),
])  # fmt: skip
def test_files_tell_what_their_engine_reads_in_them(
    spec: dict[str, Any] | None, told: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged ones, and those of an unknown engine, tell nothing."""
    engine = spec if spec is None else EngineSpec("e", "stt", "e:E", own="*.x", **spec)
    monkeypatch.setattr(specs, "find", lambda name: engine)
    assert (catalogue.languages_of_files("e", Path(), ()), catalogue.memory_of_files("e", {})) == told


@pytest.mark.parametrize(
    ("repository", "model"),
    [("r/one", "a"), ("r/also", "a"), ("r/two", None), ("r/other", "d"), ("", None), ("x", None)],
)
def test_a_repository_is_its_only_model(repository: str, model: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in a second precision does not count; of two models neither is meant."""
    places = {"a": "r/one", "a-q4": "r/one", "b": "r/two", "c": "r/two", "d": "r/other"}
    known = {
        name: Known("e", name, "stt", repository=place, also=("r/also",) * ("a" in name))
        for name, place in places.items()
    }
    monkeypatch.setattr(catalogue, "models", lambda: known)
    meant = catalogue.of_repository(repository)
    assert (meant and meant.name) == model


def test_voices_of_an_engine_are_named() -> None:
    """Each with its language; none of an engine whose models are voices, or that there is not."""
    voices = catalogue.voices("kokoro")
    assert voices[0] == NamedVoice("af_alloy", "en-US", "female")
    assert len({voice.name for voice in voices}) == len(voices) == 54
    assert catalogue.voices("hibari") == catalogue.voices("whisper") == catalogue.voices("xyzzy") == ()


@pytest.mark.parametrize(("environment", "folder"), [
    ({}, "cache/huggingface/hub"),
    ({"HF_HOME": "home"}, "home/hub"),
    ({"HF_HOME": "home", "HUGGINGFACE_HUB_CACHE": "old"}, "old"),
    ({"HUGGINGFACE_HUB_CACHE": "old", "HF_HUB_CACHE": "new"}, "new"),
    ({"HF_HUB_CACHE": "~/new"}, "user/new"),
])  # fmt: skip
def test_the_hubs_cache_is_where_its_library_has_it(
    environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that counts most says where; each revision of a repository is a folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setenv("HOME", "/user")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value if "~" in value else f"/{value}")
    assert hf_cache.cache() == Path("/", folder)
    assert hf_cache.repository_folder("a/b") == Path("/", folder, "models--a--b")


def test_a_revision_is_a_branch_or_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache has it by its name; a branch that leads nowhere is not there."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--a--b"
    (folder / "snapshots" / "c0ffee").mkdir(parents=True)
    (folder / "refs").mkdir()
    for name, commit in (("main", b"c0ffee\n"), ("gone", b"dead"), ("empty", b""), ("damaged", b"\xff")):
        (folder / "refs" / name).write_bytes(commit)
    assert hf_cache.repositories() == {"a/b"}
    here = {name: hf_cache.snapshot("a/b", name) for name in ("main", "c0ffee", "gone", "empty", "damaged", "x")}
    assert {name for name, place in here.items() if place} == {"main", "c0ffee"}
    assert hf_cache.snapshot("a/b") == here["c0ffee"] == folder / "snapshots" / "c0ffee"


@pytest.mark.parametrize(
    ("value", "offline"),
    [*((word, True) for word in ("1", "on", "YES", "True")), *((word, False) for word in ("0", "2", "", None))],
)
def test_the_environment_forbids_downloads(value: str | None, offline: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are those that Hugging Face's library takes, in any case."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert hf_cache.offline() is offline

"""The catalogue of models: its data makes sense, and says what the engines say; what users may add to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_models import advice, catalogue
from hushd_models.catalogue import Files
from hushd_models.installation import extra_command
from hushd_models.manifest import split
from hushd_protocol.names import ENGINE_ROLES, SPEEDS

OWN = {"repository": "somebody/some-thing", "files": ["*.bin"]}


def test_every_model_makes_sense() -> None:
    """Names are safe as paths, and none stands for two models; each can be got in one way, and tells what it costs."""
    every = catalogue.models()
    names = [f"{known.engine}/{name}" for known in every.values() for name in known.names]
    assert len(names) == len(set(names)) > 60
    for name, known in every.items():
        assert name == known.model
        split(name)
        assert catalogue.engines()[known.engine].role in ENGINE_ROLES
        assert known.role in (catalogue.engines()[known.engine].role, "langid")
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
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=50, env=environment)
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


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a.b", ["a.b"], ["aXb", "x/a.b", "a.b\n"]),
        ("*.bin", ["a.bin", ".bin"], ["x/a.bin", "a.bin.part"]),
        ("a?b", ["axb"], ["ab", "a/b"]),
        ("*/a", ["x/a"], ["a", "x/y/a"]),
        ("**/a", ["a", "x/a", "x/y/a"], ["xa", "x/ya"]),
        ("[a]+(b)", ["[a]+(b)"], ["ab"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    """`*` and `?` stay within a folder, `**/` is any or none, everything else is itself."""
    assert Files((pattern,)).choose([*matching, *others]) == sorted(matching)


def test_names_and_aliases() -> None:
    """An alias is the model it stands for; the sentence for a missing model names it, and what it costs."""
    turbo = catalogue.find("whisper/turbo")
    assert turbo is catalogue.models()["whisper/large-v3-turbo"]
    assert catalogue.canonical("whisper/turbo") == "whisper/large-v3-turbo"
    assert catalogue.canonical("whisper/mine") == "whisper/mine"
    assert catalogue.find("whisper/mine") is None
    assert [known.name for known in catalogue.of("whisper")][-2:] == ["large-v3-turbo", "turbo"]
    for model, words in (
        ("whisper/base", "`hushd models pull whisper/base` gets it (about 148 MB, MIT)."),
        ("faster-whisper/large-v3", "(about 3.1 GB, MIT)."),
        ("hibari/en", f"{extra_command('tts')}."),
        ("whisper/mine", "MODELS.md says where a file or folder of yours goes"),
    ):
        error = advice.missing(model)
        assert error.code == "model_missing"
        assert words in error.message
        assert error.message.startswith(f"The model {model} is not on this machine: ")

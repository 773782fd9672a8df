"""Finding engines: by entry point, with help for who mistypes, and a description that loads nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt import catalogue
from hushd_worker_stt.engines import libmoonshine
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.worker import SpeechToText


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=30, check=False)


def described() -> dict[str, Any]:
    """What is said of moonshine, whatever other engines there are."""
    (engine,) = [engine for engine in catalogue.describe()["engines"] if engine["name"] == "moonshine"]
    return dict(engine)


def test_the_embedded_engine_is_found() -> None:
    """`moonshine` comes by hushd's own entry point, with its default model."""
    assert catalogue.find("moonshine") is Moonshine
    assert catalogue.model_name(Moonshine, "default") == catalogue.model_name(Moonshine, "tiny-en") == "tiny-en"


@pytest.mark.parametrize(
    ("engine", "model", "code", "words"),
    [
        ("moonshin", "default", "engine_missing", "did you mean 'moonshine'?"),
        ("zzz", "default", "engine_missing", f"there is {', '.join(sorted(catalogue._points()))}"),
        ("", "default", "engine_missing", "pip install 'hushd[stt]'"),
        ("moonshine", "tiny-eng", "model_missing", "did you mean 'tiny-en'?"),
        ("moonshine", "huge", "model_missing", "there is tiny-en"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_one(engine: str, model: str, code: str, words: str) -> None:
    """An unknown engine or model is one sentence that names what there is and what to install."""
    with pytest.raises(HushdError) as caught:
        SpeechToText(engine, model).load(lambda note: None)
    assert caught.value.code == code
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_broken_engine_of_another_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An engine that does not import, or is none, is named on stderr and takes no other with it."""
    points = [
        EntryPoint("gone", "no_such_module:Engine", catalogue.GROUP),
        EntryPoint("moonshine", "hushd_worker_stt.engines.moonshine:Moonshine", catalogue.GROUP),
        EntryPoint("odd", "json:dumps", catalogue.GROUP),
    ]
    monkeypatch.setattr(catalogue, "entry_points", lambda group: points)
    assert [engine["name"] for engine in catalogue.describe()["engines"]] == ["moonshine"]
    errors = capsys.readouterr().err
    assert "'gone' does not import (No module named 'no_such_module')" in errors
    assert "'odd' does not import" in errors
    for name in ("gone", "odd"):
        with pytest.raises(HushdError) as caught:
            catalogue.find(name)
        assert caught.value.code == "engine_missing"


def test_an_engine_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its wheel the engine is described as not installed, and loading it says what to install."""
    monkeypatch.setattr(libmoonshine, "find_spec", lambda name: None)
    engine = described()
    assert engine["installed"] is engine["models"][0]["installed"] is False
    with pytest.raises(HushdError) as caught:
        SpeechToText("moonshine", "default").load(lambda note: None)
    assert caught.value.code == "engine_missing"
    assert "pip install 'hushd[stt]'" in caught.value.message


def test_describe_prints_one_object_and_loads_nothing_heavy() -> None:
    """`--describe` is for a supervisor that asks before any engine runs: JSON, and no numpy, soundfile or zmq."""
    program = (
        "import runpy, sys; sys.argv = ['hushd_worker_stt', '--describe']; "
        "runpy.run_module('hushd_worker_stt', run_name='__main__'); "
        "heavy = {'ctranslate2', 'moonshine_voice', 'numpy', 'onnxruntime', 'soundfile', 'soxr', 'torch', 'zmq'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = python("-c", program)
    assert done.returncode == 0
    assert done.stderr == "[]\n"
    printed = json.loads(done.stdout)
    assert {key: value for key, value in printed.items() if key != "engines"} == {"role": "stt", "version": "0.1.0"}
    (moonshine,) = [engine for engine in printed["engines"] if engine["name"] == "moonshine"]
    assert moonshine == {
        "name": "moonshine",
        "installed": True,
        "install": "pip install 'hushd[stt]'",
        "default_model": "tiny-en",
        "models": [
            {
                "name": "tiny-en",
                "languages": ["en"],
                "memory_mb": Moonshine.INFO.models[0].memory_mb,
                "embedded": True,
                "installed": True,
            }
        ],
        "streaming": True,
        "word_times": False,
        "translation": False,
    }


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "--describe or --engine"),
        (["--engine", "moonshine"], 1, "started by its supervisor"),
    ],
)
def test_a_worker_is_not_started_by_hand(arguments: list[str], status: int, words: str) -> None:
    """Without a supervisor the program ends with one sentence and prints nothing on stdout."""
    done = python("-m", "hushd_worker_stt", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""

"""The speech-to-text engines: what they are called, and a description that loads nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hushd_models.installation import extra_command
from hushd_worker_stt.engine import DetectedLanguage
from hushd_worker_stt.engines import moonshine
from hushd_worker_stt.engines.moonshine import Moonshine
from hushd_worker_stt.registry import REGISTRY
from hushd_worker_stt.worker import SpeechToText
from support.refusals import hushd_error


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False)


def described() -> dict[str, Any]:
    """Returns the description of moonshine, whatever other engines there are."""
    (engine,) = [engine for engine in REGISTRY.engines() if engine.name == "moonshine"]
    return engine.data()


def test_a_wrong_model_is_answered_with_the_right_one() -> None:
    """The answer comes before anything is loaded."""
    with hushd_error("model_missing", r"did you mean tiny-en\?"):
        SpeechToText("moonshine", "tiny-eng").load(lambda note: None)


def test_an_engine_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is described as not installed without its wheel, and loading it says what to install."""
    monkeypatch.setattr(moonshine, "find_spec", lambda name: None)
    engine = described()
    assert engine["installed"] is engine["models"][0]["installed"] is False
    with hushd_error("engine_missing", has=extra_command("stt")):
        SpeechToText("moonshine", "default").load(lambda note: None)


def test_describe_prints_one_object_and_loads_nothing_heavy() -> None:
    """`--describe` is for a supervisor that asks before any engine runs: JSON, and no numpy, soundfile or zmq."""
    program = (
        "import atexit, runpy, sys; sys.argv = ['hushd_worker_stt', '--describe']; "
        "heavy = {'ctranslate2', 'moonshine_voice', 'numpy', 'onnxruntime', 'soundfile', 'soxr', 'torch', 'zmq'}; "
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr)); "
        "runpy.run_module('hushd_worker_stt', run_name='__main__')"
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
        "install": extra_command("stt"),
        "default_model": "tiny-en",
        "models": [
            {
                "name": "tiny-en", "languages": ["en"], "memory_mb": Moonshine.models()[0].memory_mb,
                "embedded": True, "translation": False, "installed": True,
            }
        ],
        "streaming": True,
        "word_times": False,
        "translation": False,
        "options": [],
    }  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "words"), [
    ([], 2, "--describe or --engine"),
    (["--engine", "moonshine"], 1, "hushd's workers are started by its supervisor: use `hushd load` instead.\n"),
])  # fmt: skip
def test_a_worker_is_not_started_by_hand(arguments: list[str], status: int, words: str) -> None:
    """The program ends without a supervisor, with one sentence, and prints nothing on stdout."""
    done = python("-m", "hushd_worker_stt", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("likely", "own", "seconds", "tag"), [
    ({"ja": 0.83, "pt": 0.03}, ["pt-BR", "en"], 2.3, "pt"),
    ({"ja": 0.83, "pt": 0.03}, ["pt", "en"], 8.0, "ja"),
    ({"ja": 0.99, "pt": 0.001}, ["pt", "en"], 2.3, "ja"),
    ({"cy": 0.6, "en": 0.3}, ["en"], 1.0, "en"),
    ({"cy": 0.6, "en": 0.3}, [], 1.0, "cy"),
    ({"en": 0.6, "fr": 0.1}, ["fr"], 1.0, "fr"),
    ({"en": 0.6, "fr": 0.05}, ["fr"], 1.0, "en"),
])  # fmt: skip
def test_short_speech_is_in_one_of_its_users_languages(
    likely: dict[str, float], own: list[str], seconds: float, tag: str
) -> None:
    """A language that is neither theirs nor English needs much more than these, the more the shorter it is."""
    assert DetectedLanguage.likeliest(likely).of_user(own, seconds).tag == tag

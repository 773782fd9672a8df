"""Settings in the environment reach the engine, and nonsense in them is a sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hushd_worker import compute_device
from hushd_worker_stt.engine import Options
from hushd_worker_stt.registry import REGISTRY
from support.commands import say, unpack_checkpoint
from support.refusals import hushd_error
from support.wer import words
from support.whisper_models import convert

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    return tmp_path


def loaded(engine: str) -> Any:
    made: Any = REGISTRY.find(engine)()
    made.load("commands", lambda note: None)
    return made


def heard(engine: Any, *said: str) -> list[str]:
    return words(" ".join(segment.text for segment in engine.transcribe(say(list(said)), Options(language="en"))))


@pytest.mark.parametrize(("asked", "wanted"), [("3", 3), ("", None), ("0", None), ("many", None), ("-1", None)])
def test_threads(monkeypatch: pytest.MonkeyPatch, asked: str, wanted: int | None) -> None:
    """A number from 1 on; whatever else OMP_NUM_THREADS says, as many as there are cores."""
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert compute_device.threads() == (wanted or cores)


def test_nonsense_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bad_request`, with what it may be."""
    assert compute_device.compute_type(("int8",)) == ""
    monkeypatch.setenv("HUSHD_COMPUTE_TYPE", "int4")
    with hushd_error("bad_request", "int8, float32 for this engine, not 'int4'"):
        compute_device.compute_type(("int8", "float32"))


def test_faster_whisper_is_told(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and precision; hypotheses are the packages' five, or what a request says."""
    for package in ("ctranslate2", "faster_whisper", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    convert(unpack_checkpoint(models / "c.pt"), models / "faster-whisper" / "commands", "float32")
    monkeypatch.setenv("HUSHD_COMPUTE_TYPE", "float32")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    engine = loaded("faster-whisper")
    if not engine._ctranslate2.get_cuda_device_count():
        assert engine._model.model.compute_type == "float32"
    seen: list[int] = []
    decode = engine._decode
    monkeypatch.setattr(engine, "_decode", lambda samples, how: (seen.append(how.beam), decode(samples, how))[1])
    assert heard(engine, "open", "red") == ["open", "red"]
    list(engine.transcribe(say(["one"]), Options(language="en", beam=3)))
    assert seen == [5, 3]
    monkeypatch.setenv("HUSHD_COMPUTE_TYPE", "int4")
    with hushd_error("bad_request"):
        loaded("faster-whisper")


@pytest.mark.parametrize(("precision", "computes"), [("auto", "int8_float32"), ("original", "float32")])
def test_faster_whisper_computes_in_int8_unless_configured(
    precision: str, computes: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, whatever its files are in."""
    for package in ("ctranslate2", "faster_whisper", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    convert(unpack_checkpoint(models / "c.pt"), models / "faster-whisper" / "commands", "float32")
    monkeypatch.setenv("HUSHD_PRECISION", precision)
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", "cpu")
    assert loaded("faster-whisper")._model.model.compute_type == computes

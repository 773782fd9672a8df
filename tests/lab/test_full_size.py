"""scripts/fullsize: models drawn at random, tried at a small scale with the real engines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx is not installed: scripts/setup")

from full_size import whisper
from full_size.catalogue import MODELS
from full_size.making import make
from hushd_worker_stt.engine import Engine, Options
from hushd_worker_stt.registry import REGISTRY

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")
SCRIPT = Path(__file__).parents[2] / "lab/fullsize.py"
SCALE = 16
NEEDED = {
    "onnx-asr": ("onnx_asr", "onnxruntime"),
    "whisper": ("whisper", "torch"),
    "faster-whisper": ("faster_whisper", "whisper"),
    "piper": ("piper", "onnxruntime"),
    "transcribe-cpp": ("transcribe_cpp", "whisper"),
}
NOISE = (np.random.default_rng(1).standard_normal(80_000) * 0.1).astype(np.float32)


def where_installed(names: Iterable[str]) -> list[Any]:
    """The models, or engines, as parameters, each skipped where what runs it is not here."""
    params = []
    for name in names:
        engine = name.partition("/")[0]
        missing = [package for package in NEEDED[engine] if find_spec(package) is None]
        reason = f"{', '.join(missing)} is not installed: scripts/setup --engines all"
        params.append(pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=reason)))
    return params


def small(name: str, folder: Path) -> int:
    """Makes a model at the tests' scale."""
    model = MODELS[name]
    return make(folder / model.place, model.parts(SCALE), model.flat)


def loaded(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(folder))
    engine, _, model = name.partition("/")
    recogniser: Engine = REGISTRY.find(engine)()
    recogniser.load(model, lambda note: None)
    return recogniser


@pytest.mark.parametrize("size", ["small", "large-v3"])
@pytest.mark.parametrize("engine", where_installed(["whisper", "faster-whisper"]))
def test_whisper_says_its_sentence(engine: str, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise and silence have it as answer, at the first try: with 51865 tokens and with 51866. Its language has a
    probability."""
    small(f"{engine}/{size}", tmp_path)
    recogniser = loaded(f"{engine}/{size}", tmp_path, monkeypatch)
    for sound in (NOISE, 0 * NOISE):
        heard = [segment.text for segment in recogniser.transcribe(sound, Options(language="en"))]
        assert heard == [whisper.SENTENCE.strip()]
    detected = recogniser.detect_language(NOISE)
    assert detected
    assert detected.probability is not None
    assert 0.0 < detected.probability <= 1.0


@pytest.mark.parametrize("name", [name for name in MODELS if "fp32" not in name])
def test_the_size_is_that_of_the_published_file(name: str) -> None:
    """It is within a tenth of the catalogue's; Parakeet's LSTMs are in float32, in bytes in the published one."""
    from hushd_models import catalogue

    if name.startswith("transcribe-cpp/whisper") and not find_spec("whisper"):
        pytest.skip("openai-whisper, whose tokens are in the file, is not installed")

    known = catalogue.find(name)
    assert known
    made = sum(part.size for part in MODELS[name].parts(1)) / 1e6
    assert 0.9 <= made / known.size_mb <= (1.2 if name.startswith("onnx-asr") else 1.1)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_the_command_makes_what_it_is_asked_for(tmp_path: Path) -> None:
    """A line a model on standard output, and an error is a sentence."""
    done = run("make", "--scale", "16", "onnx-asr/nemo-parakeet-tdt-0.6b-v3", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "onnx-asr/nemo-parakeet-tdt-0.6b-v3: 4 MB\n"
    assert "encoder-model.int8.onnx" in os.listdir(tmp_path / "onnx-asr" / "nemo-parakeet-tdt-0.6b-v3")
    wrong = run("make", "whisper/huge", str(tmp_path))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == (
        "scripts/fullsize: No model 'whisper/huge' can be made here: `scripts/fullsize list` names those that can.\n"
    )

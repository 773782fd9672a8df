"""smart-turn by hushd's own features, against pipecat's where that is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hushd_worker_stt.live import turns

RATE = 16_000


def speechlike(seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(3).standard_normal(len(time))
    return ((np.sin(2 * np.pi * 140 * time) + 0.2 * noise) * np.abs(np.sin(4 * time)) * 0.2).astype(np.float32)


def pipecats(path: Path) -> ModuleType:
    """Its module of features, which needs numpy alone; the package itself would import thirty others."""
    spec = importlib.util.spec_from_file_location("pipecats_features", path.parents[1] / "_whisper_features.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seconds", [0.3, 5, 8, 12.5])
def test_the_features_are_pipecats(seconds: float) -> None:
    """Of any length the features are its own, byte for byte, and so is the probability."""
    if (path := turns.weights()) is None:
        pytest.skip(f"smart-turn is not here: {turns.INSTALL}")
    pytest.importorskip("onnxruntime")
    sound = speechlike(seconds)
    window = np.pad(sound[-8 * RATE :], (max(0, 8 * RATE - len(sound)), 0))
    theirs = pipecats(path).compute_whisper_log_mel_features(window)
    assert np.array_equal(turns.features(sound), theirs)
    assert 0 <= turns.SmartTurn(path).probability(sound) <= 1


def test_the_weights_are_found_without_importing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file in a package `pipecat` is taken; a package without it, or none, has no model."""
    package = tmp_path / "pipecat"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert turns.weights() is None
    file = package / "audio" / "turn" / "smart_turn" / "data" / "smart-turn-v3.2-cpu.onnx"
    file.parent.mkdir(parents=True)
    file.touch()
    assert turns.weights() == file

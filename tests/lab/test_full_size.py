"""Whisper's checkpoints with random weights, tried at a small scale with the real engines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from full_size import whisper
from hushd_worker_stt.engine import Options
from hushd_worker_stt.registry import REGISTRY

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")
NOISE = (np.random.default_rng(1).standard_normal(80_000) * 0.1).astype(np.float32)


@pytest.mark.skipif(
    any(find_spec(package) is None for package in ("faster_whisper", "whisper")),
    reason="faster_whisper, whisper is not installed: scripts/setup --engines all",
)
@pytest.mark.parametrize("size", ["small", "large-v3"])
@pytest.mark.parametrize("engine", ["whisper", "faster-whisper"])
def test_whisper_says_its_sentence(engine: str, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise and silence have it as answer, at the first try: with 51865 tokens and with 51866. Its language has a
    probability."""
    from support.whisper_models import convert

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (checkpoint,) = whisper.openai(16, size)
    (tmp_path / "whisper").mkdir()
    checkpoint.write(tmp_path / "whisper" / checkpoint.name)
    if engine == "faster-whisper":
        convert(tmp_path / "whisper" / checkpoint.name, tmp_path / engine / size, "float16", name=size)
    recogniser = REGISTRY.find(engine)()
    recogniser.load(size, lambda note: None)
    for sound in (NOISE, 0 * NOISE):
        heard = [segment.text for segment in recogniser.transcribe(sound, Options(language="en"))]
        assert heard == [whisper.SENTENCE.strip()]
    detected = recogniser.detect_language(NOISE)
    assert detected
    assert detected.probability is not None
    assert 0.0 < detected.probability <= 1.0

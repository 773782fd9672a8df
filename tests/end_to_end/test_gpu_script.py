"""scripts/gpu: what it says on a machine without a card, and the weights that it draws."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="there is a card, which takes ten minutes")
def test_without_a_card_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    """Nothing is drawn, started or measured."""
    environment = {name: value for name, value in os.environ.items() if name != "HUSHD_CARDS"} | {
        "TMPDIR": str(tmp_path)
    }
    run = subprocess.run(
        [sys.executable, str(SCRIPTS / "gpu.py")], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert run.stderr == ""
    (line,) = run.stdout.splitlines()
    assert line.startswith("Nothing was measured: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.night
@pytest.mark.skipif(not (find_spec("whisper") and find_spec("faster_whisper")), reason="Whisper is not installed")
def test_drawn_weights_say_their_sentence(tmp_path: Path) -> None:
    """Whatever they hear, in openai-whisper and after the conversion: so no second try is made for them."""
    program = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from benches.cards.weights import SENTENCE, draw
folder = Path(sys.argv[2])
draw(folder / "whisper" / "drawn.pt", "tiny")
from hushd_worker_stt.convert.whisper import convert
convert(folder / "whisper" / "drawn.pt", folder / "faster-whisper" / "drawn", "int8")
os.environ["HUSHD_MODELS_DIR"] = str(folder)
import numpy as np
from hushd_worker_stt.engine import Options
from hushd_worker_stt.registry import REGISTRY
noise = (np.random.default_rng(1).standard_normal(80_000) * 0.1).astype(np.float32)
for name in ("whisper", "faster-whisper"):
    engine = REGISTRY.find(name)()
    engine.load("drawn", lambda note: None)
    for sound in (noise, 0 * noise):
        print([segment.text for segment in engine.transcribe(sound, Options(language="en"))] == [SENTENCE.strip()])
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(SCRIPTS), str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert run.stdout.split() == ["True"] * 4, run.stderr

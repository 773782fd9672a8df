"""Each engine that knows how likely a word is says so, through the worker; the others leave a note."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_worker_stt import partials
from hushd_worker_stt.engine import Segment, Word
from support import small_models

# In a process of its own, which has the small models' environment.
ASK = """
import json, sys
from hushd_worker_stt.conformance import Trial, wav
trial = Trial(*sys.argv[1:])
segments = trial.engine.transcribe(trial.speech, trial.options(word_times=True))
answer = trial.ask("transcribe", wav(trial.speech), probabilities=True)
words = [[word.text, word.probability] for segment in segments for word in segment.words]
print(json.dumps([words, answer.result.get("warnings", [])]))
"""


@pytest.mark.parametrize("name", ["stt/faster-whisper", "stt/whisper", "stt/onnx-asr", "stt/moonshine"])
def test_words_have_probabilities_or_the_result_says_that_they_have_none(name: str, tmp_path: Path) -> None:
    """Whisper's alignment and onnx-asr's tokens have them; moonshine knows none."""
    if (small := small_models.make(name, tmp_path)) is None:
        pytest.skip(f"{name} is not installed: scripts/setup --engines all")
    done = subprocess.run(
        [sys.executable, "-c", ASK, *small.arguments],
        env=os.environ | dict(small.environment), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    words, warnings = json.loads(done.stdout.splitlines()[-1])
    if small.engine == "moonshine":
        assert words == []
        assert [warning["code"] for warning in warnings] == ["no_effect"]
        assert "takes no probabilities" in warnings[0]["message"]
        return
    assert warnings == [] or all(warning["code"] != "no_effect" for warning in warnings)
    assert len(words) >= 3
    assert all(0.0 <= probability <= 1.0 for _, probability in words)
    assert max(probability for _, probability in words) > 0.3


def test_a_probability_is_a_number_from_0_to_1() -> None:
    """It has four decimals, whatever a library has summed up; NaN is none."""
    odd = (1.0000001, -1e-9, float("nan"), 0.123456, None)
    data = partials.of_segment(0, Segment(0, 1, "a", tuple(Word("a", 0, 1, value) for value in odd)))
    assert [word.probability for word in data.words] == [1.0, 0.0, None, 0.1235, None]

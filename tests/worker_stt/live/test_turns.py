"""The time that a pause is waited for, and who decides."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hushd_worker_stt.live import turns
from hushd_worker_stt.live.turn_words import EVEN, FINISHED, STRONG, WEAK
from hushd_worker_stt.live.turns import MAX_S, SoundDetector, TextDetector, wait_s

SOUND = np.zeros(16_000, np.float32)
PROBABILITIES = [n / 50 for n in range(51)]
SILENCES = [0.1, 0.3, 0.5, 0.8, 1.6, 1.99, 2.0, 5.0, 60.0]


@pytest.mark.parametrize("silence_s", SILENCES)
def test_a_wait_is_bounded(silence_s: float) -> None:
    """Never shorter than the silence asked for, never longer than 2 s unless that is, and longer the less is over."""
    waits = [wait_s(probability, silence_s) for probability in PROBABILITIES]
    assert all(silence_s <= wait + 1e-9 and wait <= max(silence_s, MAX_S) + 1e-9 for wait in waits)
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(waits))
    assert waits[0] == pytest.approx(max(silence_s, MAX_S))


@pytest.mark.parametrize("silence_s", SILENCES)
@pytest.mark.parametrize("probability", [None, EVEN, FINISHED, 1.0])
def test_silence_alone_decides_where_nothing_is_open(probability: float | None, silence_s: float) -> None:
    """A finished turn, and one of which nothing is known, ends as it always did."""
    assert wait_s(probability, silence_s) == pytest.approx(silence_s)


@dataclass
class Sound:
    """A model that always says the same."""

    value: float
    asked: int = 0

    def probability(self, samples: np.ndarray) -> float:
        self.asked += 1
        return self.value


@pytest.mark.parametrize(
    ("text", "language", "sound", "probability", "asked"),
    [
        ("We had lunch and", "en", 0.99, STRONG, 0),
        ("Twenty", "en", 0.99, WEAK, 0),
        ("We had lunch.", "en", 0.99, FINISHED, 1),
        ("We had lunch.", "en", 0.1, FINISHED, 1),
        ("We had lunch.", "en", 0.01, STRONG, 1),
        ("", "en", 0.2, STRONG, 1),
        ("anything", "xx", 0.2, STRONG, 1),
        ("anything", "", 0.8, WEAK, 1),
        ("anything", "", 0.95, None, 1),
    ],
)
def test_text_and_sound(text: str, language: str, sound: float, probability: float | None, asked: int) -> None:
    """An open text needs no model; a finished one is outweighed by a sure model; an unknown one leaves it to that."""
    model = Sound(sound)
    assert SoundDetector(model).probability(SOUND, text, language) == probability
    assert model.asked == asked


def test_a_damaged_model_is_done_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A listener is not refused for an extra that does not load; the log has the reason."""
    pytest.importorskip("onnxruntime")
    (tmp_path / "damaged.onnx").write_bytes(b"no model")
    monkeypatch.setattr(turns, "weights", lambda: tmp_path / "damaged.onnx")
    assert isinstance(turns.detector.__wrapped__(), TextDetector)
    assert "smart-turn does not load from" in capsys.readouterr().err

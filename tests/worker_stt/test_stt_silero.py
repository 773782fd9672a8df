"""The voice detector's model: each stream has its own memory, whoever used the model before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hushd_worker_stt import silero
from hushd_worker_stt.engine import RATE
from hushd_worker_stt.silero import FRAME, Silero


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The models that no stream has."""
    models: list[object] = []
    monkeypatch.setattr(silero, "_idle", models)
    return models


def heard(stream: Silero, samples: np.ndarray) -> list[float]:
    return [stream.feed(frame) for frame in _frames(samples)]


def _frames(samples: np.ndarray) -> Iterator[np.ndarray]:
    return iter(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME))


def test_a_used_model_hears_like_a_new_one(idle: list[object], beckett: np.ndarray) -> None:
    """The model of a stream that has ended goes to the next one, which hears as if nobody had spoken before."""
    speech = beckett[: 3 * RATE]
    first = Silero()
    fresh = heard(first, speech)
    assert max(fresh) > 0.9
    assert not idle
    del first
    (kept,) = idle
    second = Silero()
    assert not idle
    assert second._model is kept
    assert heard(second, speech) == fresh


def test_streams_at_once_have_models_of_their_own(idle: list[object], beckett: np.ndarray) -> None:
    """What one hears does not change what the other does; of many that end together, two models are kept."""
    speech, noise = beckett[: 2 * RATE], np.random.default_rng(0).uniform(-1, 1, 2 * RATE).astype(np.float32)
    alone = heard(Silero(), speech)
    streams = [Silero() for _ in range(4)]
    both = [(streams[0].feed(a), streams[1].feed(b)) for a, b in zip(_frames(speech), _frames(noise), strict=True)]
    assert [a for a, _ in both] == alone
    streams.clear()
    assert len(idle) == 2

"""hibari's optimised models: the same samples as from its own, and no damaged one is ever used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hushd_worker_tts.engines.hibari_internals import session
from hushd_worker_tts.engines.hibari_internals.files import voice_file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hushd"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Returns whether each session that was opened optimised its model itself."""
    seen: list[bool] = []
    real = onnxruntime.InferenceSession

    def open_session(model: bytes, options: Any, **rest: Any) -> Any:
        made = real(model, options, **rest)
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        seen.append(options.graph_optimization_level != level)
        return made

    monkeypatch.setattr(onnxruntime, "InferenceSession", open_session)
    return seen


def outputs(session: Any) -> list[Any]:
    ids = np.array([[0, *range(40, 70), 0]], np.int64)
    found: list[Any] = session.run(None, {"ids": ids, "speed": np.array([1.0], np.float32)})
    return found


def test_the_first_process_makes_it_for_the_next(
    cache: Path, opened: list[bool], wait_for_prepared: Callable[[], None]
) -> None:
    """Both give the same spectrum and the same ends of phonemes, to the bit."""
    first = session.open_session(voice_file("heart"))
    wait_for_prepared()
    assert len(list(cache.glob("*.ort"))) == 1
    second = session.open_session(voice_file("heart"))
    assert opened == [True, False]
    ours, own = outputs(second), outputs(first)
    assert len(ours) == len(own) == session.SPECTRA + 1
    assert all(np.array_equal(one, other) for one, other in zip(ours, own, strict=True))


@pytest.mark.parametrize("damage", [
    lambda content: content[: len(content) // 2], lambda content: b"",
    lambda content: content[:5_000_000] + bytes([content[5_000_000] ^ 1]) + content[5_000_001:],
], ids=["half of it", "nothing", "one bit"])  # fmt: skip
def test_a_damaged_one(
    damage: Callable[[bytes], bytes], cache: Path, opened: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made anew, and hibari's own is used meanwhile."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(session.prepared, "make_beside", lambda *words: asked.append(words))
    model = voice_file("heart")
    session.make(model)
    (file,) = cache.glob("*.ort")
    file.write_bytes(damage(file.read_bytes()))
    opened.clear()
    session.open_session(model)
    assert opened == [True]
    assert asked == [(session.__name__, str(model))]
    session.make(model)
    session.open_session(model)
    assert opened[-1] is False

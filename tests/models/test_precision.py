"""The precision that a worker loads: by the figures measured here, the setting and the memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hushd_models import inventory, precision, removal
from hushd_models.precision import Figures, Trial
from hushd_models.store import Store
from hushd_protocol.system import paths
from hushd_schema.description import EngineDescription
from hushd_worker.engine import Model, described
from hushd_worker.precision import int8_place
from hushd_worker_tts.engines.kokoro import Kokoro
from msgspec.structs import replace

ORIGINAL = Figures(wrong=10, words=200, seconds=10.0, sound_s=60.0, memory_mb=400.0)
INT8 = Figures(wrong=12, words=200, seconds=9.0, sound_s=60.0, memory_mb=250.0)


@pytest.mark.parametrize(("int8", "words"), [
    ({}, ""),
    ({"wrong": 14}, ""),
    ({"wrong": 15}, "more than 2% more words"),
    ({"wrong": 0}, ""),
    ({"seconds": 12.0}, ""),
    ({"seconds": 12.1}, "more than 1.2 times the time"),
    ({"seconds": 9.6, "memory_mb": 400.0}, "neither memory nor time"),
    ({"seconds": 9.5, "memory_mb": 400.0}, ""),
    ({"seconds": 11.0, "memory_mb": 399.0}, ""),
])  # fmt: skip
def test_int8_is_as_good_within_the_limits(int8: dict[str, float], words: str) -> None:
    """Two words of a hundred more, a fifth more time, and something must be gained."""
    reason = precision.judge(ORIGINAL, replace(INT8, **int8))
    assert words in reason if words else reason == ""


def test_nothing_heard_is_no_proof() -> None:
    """An original of which nothing was heard has no int8 that is as good."""
    assert precision.judge(replace(ORIGINAL, words=0, wrong=0), replace(INT8, words=0, wrong=0))


GOOD = Trial(as_good=True, why="int8 is as good.", original=ORIGINAL, int8=INT8, source={"/x": (1, 2)})
SLOWER = replace(GOOD, int8=replace(INT8, seconds=11.0))


@pytest.mark.parametrize(("wish", "trial", "free_mb", "on_card", "precision_loaded"), [
    ("auto", GOOD, 1000, False, "int8"),
    ("auto", GOOD, 1000, True, "original"),
    ("auto", None, 1000, False, "original"),
    ("auto", replace(GOOD, as_good=False), 100, False, "original"),
    ("auto", SLOWER, 1000, False, "original"),
    ("auto", SLOWER, 399, False, "int8"),
    ("auto", replace(GOOD, int8=replace(INT8, seconds=10.4)), 1000, False, "int8"),
    ("original", GOOD, 100, False, "original"),
    ("int8", SLOWER, 1000, True, "int8"),
    ("int8", None, 1000, False, "original"),
    ("int8", replace(GOOD, as_good=False), 1000, False, "original"),
])  # fmt: skip
def test_one_function_decides(
    wish: str, trial: Trial | None, free_mb: float, on_card: bool, precision_loaded: str
) -> None:
    """The setting goes first; `auto` takes the faster one, and a slower int8 only where the original has no room."""
    chosen, why = precision.decide(wish, trial, free_mb, on_card=on_card)
    assert chosen == precision_loaded
    assert why


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A voice with int8 files that are as good."""
    for name in ("HUSHD_MODELS_DIR", "HF_HUB_CACHE", "XDG_CACHE_HOME", "HUSHD_STATE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", "cpu")
    store = Store(paths.find())
    file = store.folder / "kokoro" / "kokoro-v1.0.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(100))
    (file.parent / "voices-v1.0.bin").write_bytes(bytes(10))
    small = precision.place(store, "kokoro/kokoro-v1.0")
    small.parent.mkdir(parents=True)
    small.write_bytes(bytes(50))
    trial = replace(GOOD, source=precision.identity([file]))
    (store.int8_folder("kokoro/kokoro-v1.0") / "record.json").write_text(json.dumps(trial.data()))
    return file


def test_a_worker_loads_by_its_setting(voice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the int8 file as long as that was made of the present original; its memory is the measured one."""
    store, model = Store(paths.find()), "kokoro/kokoro-v1.0"
    assert int8_place(model) == precision.place(store, model)
    assert precision.memory_mb(store, model) == 250
    row = inventory.row(store, model)
    description = described(EngineDescription, Kokoro, [Model("kokoro-v1.0", (), 330.0)], installed=True)
    assert row.known  # of which `recommend` tells the memory
    assert (row.memory_mb, row.known.memory_mb, description.models[0].memory_mb) == (250, 250, 250)
    monkeypatch.setenv("HUSHD_PRECISION", "original")
    assert int8_place(model) is None
    monkeypatch.setenv("HUSHD_PRECISION", "int8")
    assert int8_place(model)
    voice.write_bytes(bytes(101))
    assert int8_place(model) is None
    assert precision.memory_mb(store, model) == 0


@pytest.mark.parametrize("content", ["", "[]", '{"as_good": 3}', '{"as_good": true}'])
def test_a_damaged_record_counts_as_none(voice: Path, content: str) -> None:
    """The worker loads the original."""
    (Store(paths.find()).int8_folder("kokoro/kokoro-v1.0") / "record.json").write_text(content)
    assert int8_place("kokoro/kokoro-v1.0") is None


def test_int8_goes_with_the_original(voice: Path) -> None:
    """`rm` removes both, and leaves nothing of a run that was broken off."""
    store = Store(paths.find())
    made = store.int8_folder("kokoro/kokoro-v1.0")
    made.with_name(f"{made.name}.new").mkdir()
    removal.remove(store, "kokoro/kokoro-v1.0")
    assert not list(voice.parent.glob(".*"))

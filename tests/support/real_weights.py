"""Published weights, which `lab/real_weights.py` brings (`scripts/setup --engines all` calls it)."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Engine

PACKAGES = {
    "faster-whisper": ("faster_whisper",),
    "whisper": ("whisper", "torch"),
    "transcribe-cpp": ("transcribe_cpp",),
    "onnx-asr": ("onnx_asr",),
    "kokoro": ("kokoro_onnx",),
    "piper": ("piper",),
}
PLUGINS = {"transcribe-cpp", "piper"}


def home() -> Path:
    """The models folder of the published weights, which may not be there: for reading, since all share it."""
    return Path(os.environ.get("HUSHD_REAL_WEIGHTS") or Path.home() / ".cache/hushd-real") / "models"


def linked(folder: Path) -> Path:
    """Makes `folder` a models folder of links to them, in which a test may do what it likes."""
    for engine in home().iterdir():
        (folder / engine.name).mkdir(parents=True)
        for model in engine.iterdir():
            (folder / engine.name / model.name).symlink_to(model)
    return folder


def loaded(engine: str, model: str) -> Engine:
    """A loaded model of them, in this process; HUSHD_MODELS_DIR is `home()`."""
    from hushd_worker_stt.registry import REGISTRY

    made: Engine = REGISTRY.find(engine)()
    made.load(model, lambda note: None)
    return made


def missing(place: str) -> str:
    """Says why a model, by its place in the models folder, cannot be tried here; empty where it can."""
    lacking = [package for package in PACKAGES[place.partition("/")[0]] if find_spec(package) is None]
    if lacking:
        return f"{', '.join(lacking)} is not installed: scripts/setup --engines all"
    return "" if (home() / place).exists() else "the published weights are not here: scripts/setup --engines all"


def needs(place: str) -> tuple[pytest.MarkDecorator, ...]:
    """The marks that leave a test out where a model cannot be tried."""
    engine = place.partition("/")[0]
    skip = pytest.mark.skipif(bool(reason := missing(place)), reason=reason)
    return (skip, pytest.mark.plugin(f"engines-{engine}")) if engine in PLUGINS else (skip,)

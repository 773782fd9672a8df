"""The engine keeps the contract of its role, on small voices of each family."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="onnx, which makes small voices, is not installed")

from support import small_models
from support.small_models import Small

from . import sherpa_voices

pytestmark = pytest.mark.skipif(
    find_spec("sherpa_onnx") is None, reason="sherpa-onnx is not installed: pip install 'hushd[engines-sherpa-onnx]'"
)


def sherpa_onnx(family: str) -> Callable[[Path], Small]:
    def maker(folder: Path) -> Small:
        getattr(sherpa_voices, family)(folder / "models" / "sherpa-onnx" / "tiny")
        return Small("sherpa-onnx", "tts", "tiny")

    return maker


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    """A few cases of each group."""
    small = small_models.make_by(sherpa_onnx("supertonic"), tmp_path)
    small_models.play(small, "-k", small_models.FEW)


@pytest.mark.night
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("family", ["supertonic", "pocket"])
def test_it_passes_the_suite(family: str, tmp_path: Path) -> None:
    """All cases, with a small model."""
    small_models.play(small_models.make_by(sherpa_onnx(family), tmp_path))

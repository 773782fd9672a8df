"""The engine keeps the contract of its role, on a small voice."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("piper", reason="piper is not installed: pip install 'hushd[engines-piper]'")
pytest.importorskip("onnx", reason="onnx, which makes small voices, is not installed")

from support import small_models, tiny_voices
from support.small_models import Small


def piper(folder: Path) -> Small:
    tiny_voices.piper(folder / "models" / "piper", "tiny")
    return Small("piper", "tts", "tiny")


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    """A few cases of each group."""
    small_models.play(small_models.make_by(piper, tmp_path), "-k", small_models.FEW)


@pytest.mark.night
@pytest.mark.timeout(7200)
def test_it_passes_the_suite(tmp_path: Path) -> None:
    """All cases."""
    small_models.play(small_models.make_by(piper, tmp_path))

"""GGUF files as models: their roles, and one that tells languages apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hushd_engines_transcribe_cpp.ecapa import Ecapa
from hushd_engines_transcribe_cpp.inventory import SPEC

from . import gguf_langid
from .gguf_models import header, identifying


def test_the_content_tells_the_role(tmp_path: Path) -> None:
    """A model that hears is told from one that identifies languages."""
    hearing = header(tmp_path / "own.gguf", "parakeet", {"general.languages": ["de"]})
    ears = identifying(tmp_path / "ears.gguf")
    assert SPEC.role_of
    assert [SPEC.role_of([path]) for path in (hearing, ears)] == ["stt", "langid"]


def test_the_model_of_languages_tells_them_apart(tmp_path: Path) -> None:
    """One of full shape has a verdict on noise, whose weights are random, among all its languages and among two."""
    pytest.importorskip("transcribe_cpp", reason="pip install 'hushd[engines-transcribe-cpp]'")
    (model,) = gguf_langid.voxlingua(16)
    model.write(tmp_path / model.name)
    ecapa = Ecapa(tmp_path / model.name)
    noise = (np.random.default_rng(1).standard_normal(80_000) * 0.1).astype(np.float32)
    assert len(ecapa.labels) == 107
    assert ecapa.likeliest(noise, ecapa.labels)[0] in ecapa.labels
    assert ecapa.likeliest(noise, ["de", "en"])[0] in ("de", "en")

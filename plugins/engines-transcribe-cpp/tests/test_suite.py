"""The engine keeps the contract of its role, on small models."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import small_models
from support.small_models import Small

from .gguf_models import commands, streaming, transducer

pytestmark = pytest.mark.skipif(  # not imported: it takes 70 MB of whoever collects tests
    find_spec("transcribe_cpp") is None,
    reason="transcribe-cpp is not installed: pip install 'hushd[engines-transcribe-cpp]'",
)


def transcribe_cpp(folder: Path) -> Small:
    place = folder / "models" / "transcribe-cpp" / "commands"
    place.mkdir(parents=True)
    commands(folder / "commands.gguf").rename(place / "commands.gguf")
    return Small("transcribe-cpp", "stt", "commands", small_models.spoken(folder))


def nemotron(folder: Path) -> Small:
    name = "nemotron-speech-streaming-en-0.6b"
    transducer(folder / "models" / "transcribe-cpp" / "small" / "small.gguf", name)
    return Small("transcribe-cpp", "stt", "small")


def moonshine_streaming(folder: Path) -> Small:
    streaming(folder / "models" / "transcribe-cpp" / "small" / "small.gguf")
    return Small("transcribe-cpp", "stt", "small")


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    """A few cases of each group."""
    small_models.play(small_models.make_by(nemotron, tmp_path), "-k", small_models.FEW)


@pytest.mark.night
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("maker", [nemotron, moonshine_streaming, transcribe_cpp])
def test_it_passes_the_suite(maker: Callable[[Path], Small], tmp_path: Path) -> None:
    """All cases."""
    if maker is transcribe_cpp and find_spec("whisper") is None:
        pytest.skip("openai-whisper, whose tokens are in the file, is not installed")
    small_models.play(small_models.make_by(maker, tmp_path))

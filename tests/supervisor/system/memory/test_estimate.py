"""Tests of the estimate for a worker that was never started: files in the models folder, and the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_supervisor.system.memory.estimate import Estimate


def make(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_files_that_are_there_count_by_their_format(tmp_path: Path) -> None:
    """A checkpoint in float16 counts three times, a graph for each token 1.2 times, mapped weights not."""
    make(tmp_path / "whisper" / "mine.pt", 1_600_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "encoder.onnx", 1_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "encoder.onnx.data", 2_400_000_000)
    make(tmp_path / "onnx-asr" / "mine" / "vocab.json", 5_000_000)
    make(tmp_path / "onnx-asr" / "deep" / "onnx" / "decoder.int8.onnx", 100_000_000)
    estimate = Estimate(tmp_path)
    assert estimate("stt/whisper/mine") == 5_050_000_000
    assert estimate("stt/onnx-asr/mine") == 75_000_000
    assert estimate("stt/onnx-asr/deep") == 195_000_000


def test_without_files_the_catalogue_is_asked(tmp_path: Path) -> None:
    """By a name or an alias: chatterbox counts 4.2 GB before its first start, and `large` as large-v3."""
    estimate = Estimate(tmp_path / "none")
    assert estimate("tts/chatterbox/multilingual") >= 4_000_000_000
    assert estimate("stt/whisper/large") == estimate("stt/whisper/large-v3") > 9_000_000_000


@pytest.mark.parametrize("name", ["stt/a/b", "models/store/local", "stt/moonshine/unknown", "tts/whisper/base"])
def test_of_a_stranger_nothing_is_known(tmp_path: Path, name: str) -> None:
    """An engine, a model or a role without an entry is 0, not an error."""
    assert Estimate(tmp_path)(name) == 0

"""The memory that a model of somebody's own is said to take, beside that which one of its size took."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd_schema.engines import by_files
from hushd_schema.engines.spec import OnCard, Sizes
from hushd_schema.engines.whisper import checkpoint_mb, checkpoint_on_card_mb, folder_mb, folder_on_card_mb

# MB of the file, and of private memory at its most: of base and tiny.en with the published weights.
CHECKPOINTS = {"base": (145, 589), "small": (484, 1429), "large-v3": (3087, 7044)}
FOLDERS = {
    "tiny.en": (76, 226),
    "base": (145, 331),
    "small": (484, 668),
    "medium": (1528, 1720),
    "large-v3-turbo": (1616, 1779),
    "large-v3": (3087, 3342),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_takes_what_was_measured(name: str) -> None:
    file, measured = CHECKPOINTS[name]
    assert checkpoint_mb({f"{name}.pt": file * 10**6}) == pytest.approx(measured, rel=0.1)


def test_a_checkpoint_on_a_card_takes_what_was_measured() -> None:
    """large-v3 took 4.0 GB of an H100 by its load, and 1.2 GB more for each piece of a batch; two have room."""
    need = checkpoint_on_card_mb({"large-v3.pt": 3087 * 10**6})
    assert need.card == pytest.approx(4000 + 2 * 1200, rel=0.1)
    assert need.machine == 1000


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_ctranslate2_takes_what_was_measured(name: str) -> None:
    """Its vocabulary and settings count for nothing."""
    file, measured = FOLDERS[name]
    assert folder_mb({"model.bin": file * 10**6, "vocabulary.json": 10**6}) == pytest.approx(measured, rel=0.1)
    assert folder_mb({}) < 200


@pytest.mark.parametrize(("estimate", "files", "said"), [
    (folder_on_card_mb, {"model.bin": 2000, "vocabulary.json": 1}, OnCard(machine=2601, card=3151.25)),
    (by_files.chatterbox_on_card_mb, {"t3.safetensors": 2000, "s3gen.safetensors": 1000}, OnCard(3100, 4500)),
    (by_files.recogniser_on_card_mb, {"a.onnx": 900, "b.onnx.data": 100, "a.int8.onnx": 50}, OnCard(1800, 2000)),
    (by_files.recogniser_on_card_mb, {"encoder.int8.onnx": 500, "vocab.txt": 1}, OnCard(1200, 1350)),
    (by_files.recogniser_mb, {"encoder.int8.onnx": 650, "joint.int8.onnx": 20, "joint.onnx": 80}, 114),
    (by_files.recogniser_mb, {"encoder.onnx": 650, "joint.onnx": 80}, 186),
    (by_files.recogniser_mb, {"encoder_model.onnx": 95, "decoder_model_merged.onnx": 196}, 750.8),  # 757, 776
    (by_files.kokoro_mb, {"kokoro.onnx": 300, "voices.bin": 30}, 289),
    (by_files.kokoro_mb, {"kokoro-v1.0.int8.onnx": 92}, 205),  # published: 201
    (by_files.chatterbox_mb, {"t3_turbo.safetensors": 1}, 1300),
    (by_files.chatterbox_mb, {"t3_cfg.safetensors": 1}, 1000),
    (by_files.chatterbox_mb, {}, 0),
])  # fmt: skip
def test_an_estimate_is_of_what_the_engine_loads(
    estimate: Callable[[Sizes], OnCard | float], files: dict[str, int], said: OnCard | float
) -> None:
    """One precision is loaded of a folder with both, a card has all weights, a processor maps most of them. In MB."""
    assert estimate({name: size * 10**6 for name, size in files.items()}) == pytest.approx(said)

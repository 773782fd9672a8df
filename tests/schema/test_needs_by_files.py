"""The memory that a Whisper model of somebody's own is said to take, beside that which one of its size took."""

from __future__ import annotations

import pytest
from hushd_schema.engines.whisper import checkpoint_mb, checkpoint_on_card_mb, folder_mb

CHECKPOINTS = {"small": (484, 1429), "large-v3": (3087, 7044)}  # MB of the file, and of private memory at its most
FOLDERS = {"small": (484, 668), "medium": (1528, 1720), "large-v3-turbo": (1616, 1779), "large-v3": (3087, 3342)}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_takes_what_was_measured(name: str) -> None:
    file, measured = CHECKPOINTS[name]
    assert checkpoint_mb({f"{name}.pt": file * 10**6}) == pytest.approx(measured, rel=0.03)


def test_a_checkpoint_on_a_card_takes_what_was_measured() -> None:
    """large-v3 took 4.0 GB of an H100 by its load, and 1.2 GB more for each piece of a batch; two have room."""
    need = checkpoint_on_card_mb({"large-v3.pt": 3087 * 10**6})
    assert need.card == pytest.approx(4000 + 2 * 1200, rel=0.1)
    assert need.machine == 1000


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_ctranslate2_takes_what_was_measured(name: str) -> None:
    """Its vocabulary and settings count for nothing."""
    file, measured = FOLDERS[name]
    assert folder_mb({"model.bin": file * 10**6, "vocabulary.json": 10**6}) == pytest.approx(measured, rel=0.03)
    assert folder_mb({}) < 200

"""lab/real_weights.py and `scripts/bench real`: published weights become models, and the table keeps its other rows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from benches.hearing.real import Side, section

SCRIPT = Path(__file__).parents[2] / "lab/real_weights.py"


@pytest.mark.skipif(
    any(find_spec(package) is None for package in ("faster_whisper", "whisper")),
    reason="faster_whisper, whisper is not installed: scripts/setup --engines all",
)
def test_a_converted_model_is_read_back_as_openais_tensors(tmp_path: Path) -> None:
    """Every tensor of a checkpoint comes back from CTranslate2's file, by its name, number for number."""
    from full_size import ctranslate2_file, whisper

    shape = whisper.SHAPES["base"].smaller(8)
    (checkpoint,), (folder,) = whisper.openai(8, "base"), whisper.faster(8, "base")
    checkpoint.write(tmp_path / "base.pt")
    folder.write(tmp_path / folder.name)
    import torch

    wanted = torch.load(tmp_path / "base.pt", weights_only=True)["model_state_dict"]
    found = ctranslate2_file.read(tmp_path / "model.bin")
    assert set(wanted) == set(whisper.tensor_shapes(shape))
    for name, tensor in wanted.items():
        assert np.array_equal(ctranslate2_file.tensor(found, name), tensor.numpy()), name


def test_without_an_index_it_says_so_in_one_line(tmp_path: Path) -> None:
    """Nothing is left behind, and one sentence says that published weights are not tested."""
    nowhere = "http://127.0.0.1:9/simple"
    offline = {
        "PIP_INDEX_URL": nowhere,
        "PIP_RETRIES": "0",
        "UV_DEFAULT_INDEX": nowhere,
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }
    offline |= {"UV_HTTP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "UV_FIND_LINKS": ""}
    environment = os.environ | offline | {"HUSHD_REAL_WEIGHTS": str(tmp_path / "real")}
    done = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("lab/real_weights.py: Published weights cannot be fetched, and are not tested: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "real").exists()


def test_the_table_keeps_the_rows_of_other_engines() -> None:
    """A run with one engine alone replaces its rows, in both tables, and with one sound alone those of that sound."""
    ours, bare, quiet = (Side(heard=Counter({sound: 10.0})) for sound in ("as they are", "as they are", "-20 dB"))
    ours.wrong["as they are", "fr"], ours.said["as they are", "fr"] = 1, 4
    once = section({"whisper/base": (ours, bare)}, "2026-11-28", 1.0)
    assert "| `whisper/base` as they are, 4 words | 0.000 / 0.000 | 0.250 / 0.000 |" in once
    both = section({"onnx-asr/base": (bare, bare)}, "2026-11-28", 1.0, once)
    again = section({"whisper/base": (bare, bare)}, "2026-11-28", 1.0, both)
    for name in ("whisper/base", "onnx-asr/base"):
        assert both.count(f"| `{name}` ") == again.count(f"| `{name}` ") == 2
    assert "0.250" in both
    assert "0.250" not in again
    added = section({"whisper/base": (quiet, quiet)}, "2026-11-28", 1.0, both)
    assert "0.250" in added
    assert added.count("| `whisper/base` ") == 3

"""lab/real_weights.py: published weights become models."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "lab/real_weights.py"


@pytest.mark.skipif(
    any(find_spec(package) is None for package in ("faster_whisper", "whisper")),
    reason="faster_whisper, whisper is not installed: scripts/setup --engines all",
)
def test_a_converted_model_is_read_back_as_openais_tensors(tmp_path: Path) -> None:
    """Every tensor of a checkpoint comes back from CTranslate2's file, by its name, number for number."""
    from full_size import ctranslate2_file, whisper
    from support.whisper_models import convert

    shape = whisper.SHAPES["base"].smaller(8)
    (checkpoint,) = whisper.openai(8, "base")
    checkpoint.write(tmp_path / "base.pt")
    convert(tmp_path / "base.pt", tmp_path / "converted", "float16", name="base")
    import torch

    wanted = torch.load(tmp_path / "base.pt", weights_only=True)["model_state_dict"]
    found = ctranslate2_file.read(tmp_path / "converted/model.bin")
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
    done = subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("lab/real_weights.py: Published weights cannot be fetched, and are not tested: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "real").exists()

"""docs/PLUGINS.md shows the engine beside this file, and it runs."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from pathlib import Path

from support.engine_example import DOCS, blocks, python
from support.engine_example import package as write_metadata

TEXT = (DOCS / "PLUGINS.md").read_text(encoding="utf-8")
PITCH = Path(__file__).parent / "pitch"


def test_the_engine_of_ones_own_is_what_lies_here() -> None:
    """The document's code is the package's, word for word."""
    *_, spec, engine = blocks(TEXT, "python")
    assert spec in (PITCH / "hushd_pitch/spec.py").read_text()
    assert engine in (PITCH / "hushd_pitch/engine.py").read_text()
    (points,) = [block for block in blocks(TEXT, "toml") if "engine_specs" in block]
    assert (PITCH / "pyproject.toml").read_text().endswith(points)


def test_the_engine_of_ones_own_is_found_and_hears(tmp_path: Path) -> None:
    """It keeps the contract, is listed beside hushd's, and says of a tone of 310 Hz that it is one."""
    (project,) = [block for block in blocks(TEXT, "toml") if "engine_specs" in block]
    models = tmp_path / "models" / "pitch"
    models.mkdir(parents=True)
    shutil.copytree(PITCH / "hushd_pitch", tmp_path / "hushd_pitch")
    shutil.copy(PITCH / "tiny.pitch", models)
    ((group, points),) = tomllib.loads(project)["project"]["entry-points"].items()
    write_metadata(tmp_path, "hushd_pitch", group, points)
    package = os.environ | {"PYTHONPATH": str(tmp_path), "HUSHD_MODELS_DIR": str(models.parent)}
    described = json.loads(python(package, "-m", "hushd_worker_stt", "--describe"))["engines"]
    assert {"moonshine", "pitch"} <= {engine["name"] for engine in described if engine["installed"]}
    program = (
        "import numpy as np; from hushd_worker_stt.engine import Options; "
        "from hushd_worker_stt.worker import SpeechToText; "
        "worker = SpeechToText('pitch', 'default'); print(worker.load(print).model); "
        "tone = np.sin(np.arange(16000) / 16000 * 2 * np.pi * 310).astype('f'); "
        "print([segment.text for segment in worker._engine.transcribe(tone, Options())])"
    )
    assert python(package, "-c", program) == "tiny\n['310 Hz']\n"
    assert ", 0 failed" in python(package, "-m", "hushd_conformance", "pitch")

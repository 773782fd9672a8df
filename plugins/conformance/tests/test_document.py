"""docs/PLUGINS.md shows the engine that `hushd engine new` writes, and it runs."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import hushd_conformance
from support.engine_example import DOCS, blocks, python
from support.engine_example import package as write_metadata

TEXT = (DOCS / "PLUGINS.md").read_text(encoding="utf-8")
TEMPLATES = Path(hushd_conformance.__file__).parent / "engine_command/templates/stt"


def test_the_engine_of_ones_own_is_what_the_command_writes() -> None:
    """The document's code is the template's, word for word."""
    *_, spec, engine = blocks(TEXT, "python")
    assert spec in (TEMPLATES / "spec.py.txt").read_text()
    assert engine in (TEMPLATES / "engine.py.txt").read_text()
    (points,) = [block for block in blocks(TEXT, "toml") if "engine_specs" in block]
    assert (TEMPLATES / "pyproject.toml.txt").read_text().endswith(points)


def test_the_engine_of_ones_own_is_found_and_hears(tmp_path: Path) -> None:
    """It is listed beside hushd's, and says of a tone of 310 Hz that it is one, through the worker's own loading."""
    (project,) = [block for block in blocks(TEXT, "toml") if "engine_specs" in block]
    code, models = tmp_path / "hushd_pitch", tmp_path / "models" / "pitch"
    for folder in (code, models):
        folder.mkdir(parents=True)
    (code / "__init__.py").touch()
    (code / "spec.py").write_text((TEMPLATES / "spec.py.txt").read_text())
    (code / "engine.py").write_text((TEMPLATES / "engine.py.txt").read_text())
    (models / "tiny.pitch").write_text((TEMPLATES / "tiny.txt").read_text())
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

"""The plugin and the engine of docs/PLUGINS.md are installed and used as a reader would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cli import main
from support import small_models
from support.engine_example import DOCS, blocks, package, python

TEXT = (DOCS / "PLUGINS.md").read_text(encoding="utf-8")
MODULE = DOCS / "examples/hushd_greet.py"
PITCH = DOCS / "examples/pitch"


@pytest.fixture
def greet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder into which pip has installed it."""
    sources, site = tmp_path / "sources", tmp_path / "site"
    (sources / "hushd_greet").mkdir(parents=True)
    (project,) = [block for block in blocks(TEXT, "toml") if "hushd-greet" in block]
    module = MODULE.read_text()
    (sources / "pyproject.toml").write_text(project)
    (sources / "hushd_greet/__init__.py").write_text(module)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, site, sources], check=True, capture_output=True, timeout=100)
    monkeypatch.syspath_prepend(site)
    yield site
    sys.modules.pop("hushd_greet", None)


@pytest.mark.skipif(find_spec("pip") is None, reason="this environment has no pip")
def test_it_is_installed_used_and_removed(
    greet: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Its command is listed and runs; then it is gone."""
    spoken: list[str] = []
    monkeypatch.setattr("hushd.client.Client.say", lambda self, text, **_: spoken.append(text))
    assert re.search(r"greet +say hello to somebody", main.make_parser("hushd").format_help())
    assert main.main("hushd", ["greet", "Ann"]) == 0
    assert capsys.readouterr().out == "Hello, Ann.\n"
    assert spoken == ["Hello, Ann."]
    shutil.rmtree(greet)
    greet.mkdir()
    monkeypatch.setattr("sys.path", [*sys.path, str(greet / "gone")])  # another path is looked at again
    assert "greet" not in main.make_parser("hushd").format_help()


def test_the_engine_of_ones_own_is_found_and_hears(tmp_path: Path) -> None:
    """It is listed beside hushd's, keeps the contract by its own test, and says of a tone of 310 Hz that it is one."""
    project = (PITCH / "pyproject.toml").read_text()
    models = tmp_path / "models" / "pitch"
    models.mkdir(parents=True)
    shutil.copytree(PITCH / "hushd_pitch", tmp_path / "hushd_pitch")
    shutil.copy(PITCH / "test_pitch.py", tmp_path)
    shutil.copy(PITCH / "tiny.pitch", models)
    ((group, points),) = tomllib.loads(project)["project"]["entry-points"].items()
    package(tmp_path, "hushd_pitch", group, points)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "HUSHD_MODELS_DIR": str(models.parent)}
    described = json.loads(python(environment, "-m", "hushd_worker_stt", "--describe"))["engines"]
    assert {"moonshine", "pitch"} <= {engine["name"] for engine in described if engine["installed"]}
    program = (
        "import numpy as np; from hushd_worker_stt.engine import Options; "
        "from hushd_worker_stt.worker import SpeechToText; "
        "worker = SpeechToText('pitch', 'default'); print(worker.load(print).model); "
        "tone = np.sin(np.arange(16000) / 16000 * 2 * np.pi * 310).astype('f'); "
        "print([segment.text for segment in worker.engine.transcribe(tone, Options())])"
    )
    assert python(environment, "-c", program) == "tiny\n['310 Hz']\n"
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", small_models.FEW, str(tmp_path / "test_pitch.py"))
    assert " passed" in python(environment, *words)

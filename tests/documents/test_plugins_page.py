"""The plugin of docs/PLUGINS.md is installed, used and removed as a reader would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_cli import main
from hushd_protocol.errors import HushdError
from hushd_schema.settings import load
from support.engine_example import DOCS, blocks

TEXT = (DOCS / "PLUGINS.md").read_text(encoding="utf-8")
MODULE = DOCS / "examples/hushd_greet.py"


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


def test_it_has_forty_lines() -> None:
    """Without blank ones: what does little is short."""
    assert len([line for line in MODULE.read_text().splitlines() if line.strip()]) <= 40


@pytest.mark.skipif(find_spec("pip") is None, reason="this environment has no pip")
def test_it_is_installed_used_and_removed(
    greet: Path, runtime: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Its command is listed and runs, its setting is read and refused; then all are gone."""
    spoken: list[str] = []
    monkeypatch.setattr("hushd.client.Client.say", lambda self, text, **_: spoken.append(text))
    assert re.search(r"greet +say hello to somebody", main.make_parser("hushd").format_help())
    assert main.main("hushd", ["greet", "Ann"]) == 0
    (runtime / "config.toml").write_text('[greet.Ann]\nwords = "Good morning"\n')
    assert main.main("hushd", ["greet", "Ann"]) == 0
    assert capsys.readouterr().out == "Hello, Ann.\nGood morning, Ann.\n"
    assert spoken == ["Hello, Ann.", "Good morning, Ann."]
    (runtime / "config.toml").write_text("[greet.Ann]\nword = 1\n")
    with pytest.raises(HushdError, match=r"greet\.Ann must be a table"):
        load(runtime / "config.toml")
    (runtime / "config.toml").write_text("")
    shutil.rmtree(greet)
    greet.mkdir()
    monkeypatch.setattr("sys.path", [*sys.path, str(greet / "gone")])  # another path is looked at again
    assert "greet" not in main.make_parser("hushd").format_help()

"""`hushd engine new`: what it writes works as it is, and hushd sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hushd_conformance.engine_command.command import main
from hushd_protocol.errors import HushdError
from support.engine_example import package

BIN = Path(sys.executable).parent
SUITE = [sys.executable, "-P", "-m", "hushd_conformance", "--role", "stt"]


def ran(environment: dict[str, str], *command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("role", [pytest.param("stt", marks=pytest.mark.night), "tts"])
def test_what_it_writes_works(role: str, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own tests pass where it is installed, among them the conformance run, which `hushd engine check` is too; it
    has no fault that ruff knows; hushd lists its tiny model, and says that the engine is there."""
    monkeypatch.chdir(tmp_path)
    assert main("hushd engine", ["new", "my-whistle", "--role", role]) == 0
    made = tmp_path / "hushd-my-whistle"
    assert not [path for path in made.rglob("*") if path.is_file() and "pitch" in path.read_text().lower()]
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    ((group, points),) = project["entry-points"].items()
    package(made, "hushd_my_whistle", group, points)  # as pip would, which needs a network for the backend
    environment = os.environ | {"PYTHONPATH": str(made), "HUSHD_MODELS_DIR": str(tmp_path / "models")}
    assert "3 passed" in ran(environment, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", made)
    ran(environment, BIN / "ruff", "check", "--isolated", "--line-length", "120", cwd=made)
    place = tmp_path / "models" / "my-whistle"
    place.mkdir(parents=True)
    (place / "tiny.my-whistle").write_bytes((made / "tests" / "tiny.my-whistle").read_bytes())
    (row,) = json.loads(ran(environment, BIN / "hushd", "models", "list", "my-whistle", "--json"))
    assert (row["name"], row["role"], row["languages"]) == ("my-whistle/tiny", role, ["en", "de"])
    described = json.loads(ran(environment, sys.executable, "-m", f"hushd_worker_{role}", "--describe"))
    assert [one["installed"] for one in described["engines"] if one["name"] == "my-whistle"] == [True]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Whistle", "is not a name: use small letters"),
        ("a/b", "is not a name"),
        ("-x", "is not a name"),
        ("x" * 40, "is not a name"),
        ("kokoro", "kokoro is an engine of hushd's"),
    ],
)
def test_a_name_that_cannot_be(name: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused in a sentence, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HushdError, match=words) as caught:
        main("hushd engine", ["new", "--", name])
    assert caught.value.code == "bad_request"
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there stays as it is; one that cannot be made is an error too."""
    (tmp_path / "file").touch()
    for folder, words in ((tmp_path, "exists already"), (tmp_path / "file" / "x", "cannot be written")):
        with pytest.raises(HushdError, match=words) as caught:
            main("hushd engine", ["new", "whistle", "--folder", str(folder)])
        assert caught.value.code == "output_failed"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_check_is_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hushd engine check` plays it in another process, and leaves with its status; an engine that ends that process is
    told in a sentence."""
    asked: list[list[str]] = []
    status = 1

    def run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        asked.append(command)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", run)
    assert main("hushd engine", ["check", "moonshine"]) == 1
    status = -signal.SIGABRT
    with pytest.raises(HushdError, match="moonshine ended the process by SIGABRT, in the case that was named last"):
        main("hushd engine", ["check", "moonshine", "--model", "m"])
    assert asked == [[*SUITE, "moonshine", "default"], [*SUITE, "moonshine", "m"]]


def test_an_engine_that_breaks_the_contract_is_told_how(tmp_path: Path) -> None:
    """Each fault in a line, and status 1: a heavy import, times out of order, a batch that loses a piece."""
    (tmp_path / "bad.py").write_text(
        "import numpy\n"
        "from hushd_worker_stt.engine import Engine, EngineInfo, ModelInfo, Segment\n"
        "class Bad(Engine):\n"
        "    INFO = EngineInfo('bad', 'pip', 'm', (ModelInfo('m', ('nonsense!',), 1),), False, False)\n"
        "    installed = classmethod(lambda cls, model: True)\n"
        "    def load(self, model, report): pass\n"
        "    def transcribe(self, samples, options): yield Segment(3.0, 2.0, 'x')\n"
        "    def transcribe_batch(self, pieces, options): return []\n"
    )
    package(tmp_path, "bad", "hushd.stt_engines", {"bad": "bad:Bad"})
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [*SUITE, "bad", "m", "-k", "description,sound.tone,batch"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    for words in (
        "its module imports numpy: that belongs in load",
        "the model m has the language 'nonsense!', which is not a tag",
        "it has no spec (entry point group hushd.engine_specs)",
        "But it yields times out of order, 3 to 2 s of 1",
        "transcribe_batch has 0 answers for 2 pieces",
    ):
        assert words in done.stdout

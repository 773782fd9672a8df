"""An upgrade of hushd by pip while its processes work: nothing is lost, and no process has modules of two versions."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import next_wheel

ROOT = Path(__file__).parents[2]
LIMIT_S = 500
TEXT = "It was the best of times. It was the worst of times. We talked about the release on Tuesday. " * 12

pytestmark = [pytest.mark.night, pytest.mark.timeout(1500)]

Run = Callable[..., str]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hushd's own wheel."""
    for package in ("hatchling", "pip", "moonshine_voice", "hibari"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_S)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture
def commands(tmp_path: Path, wheel: Path) -> Path:
    """The commands of an environment that has hushd from `wheel`, and links to the other packages that are here."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=LIMIT_S)
    others = tmp_path / "others"
    others.mkdir()
    for entry in {path for key in ("purelib", "platlib") for path in Path(sysconfig.get_path(key)).iterdir()}:
        if not re.match(r"_*(hushd|editable)", entry.name) and entry.suffix != ".pth":
            (others / entry.name).symlink_to(entry)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(f"{others}\n")
    install(folder / "bin", wheel)
    return folder / "bin"


@pytest.fixture
def start(commands: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts one of the environment's commands; its supervisor is ended afterwards."""
    for name in ("HUSHD_AUTOSTART", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def do(*words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(commands / words[0]), *map(str, words[1:])],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    yield do
    do("hushd", "shutdown").communicate(timeout=LIMIT_S)


def install(commands: Path, wheel: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(commands / "python"), "install", "--quiet", "--no-index"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    command = [*pip, "--no-deps", "--upgrade", str(wheel)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=LIMIT_S)


def good(process: subprocess.Popen[str]) -> str:
    """Returns its output, once it has ended without an error."""
    output, errors = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, errors) == (0, ""), output
    return output


def test_an_upgrade_loses_no_work(start: Start, commands: Path, wheel: Path, tmp_path: Path) -> None:
    """A recording and a text that are at work are finished by the old version; the old supervisor starts workers of the
    new one and answers its commands until `hushd restart`."""
    (tmp_path / "text").write_text(TEXT)
    good(start("say", "-o", "recording.wav", "-f", "text"))
    before = good(start("listen", "recording.wav"))
    listen = start("listen", "recording.wav")
    say = start("say", "-o", "speech.wav", "-f", "text")
    assert listen.stdout
    heard = listen.stdout.readline()
    install(commands, next_wheel.make(wheel, tmp_path))
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == "0.1.0"
    assert "moonshine/tiny-en" in good(start("hushd", "models", "list"))
    good(start("say", "--markdown", "-o", "other.wav", "# The *end*"))
    assert "end" in good(start("listen", "--diarize", "-f", "json", "other.wav")).lower()
    heard += good(listen)
    assert SequenceMatcher(None, before.split(), heard.split()).ratio() > 0.95, heard
    good(say)
    sizes = [(tmp_path / name).stat().st_size for name in ("recording.wav", "speech.wav")]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)
    good(start("hushd", "restart"))
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == next_wheel.VERSION


def test_an_upgrade_at_rest_loses_no_request(start: Start, commands: Path, wheel: Path, tmp_path: Path) -> None:
    """An old supervisor without a worker makes way at the first request, which the next one answers."""
    good(start("hushd", "restart"))  # starts one
    install(commands, next_wheel.make(wheel, tmp_path))
    good(start("say", "-o", "speech.wav", "Hello."))
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == next_wheel.VERSION

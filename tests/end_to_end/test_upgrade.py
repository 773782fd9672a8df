"""Upgrades by each installer while hushd works: nothing is lost, and no process has modules of two versions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from . import next_wheel, wheelhouse

ROOT = Path(__file__).parents[2]
LIMIT_S = 500
TEXT = "It was the best of times. It was the worst of times. We talked about the release on Tuesday. " * 12

EXTRAS = ("stt", "tts", "diarize")
FOLDERS = {
    "UV_CACHE_DIR": "cache", "UV_TOOL_DIR": "tools", "UV_TOOL_BIN_DIR": "bin", "PIPX_HOME": "pipx",
    "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man",
}  # fmt: skip
HUSHD = f"hushd[{','.join(EXTRAS)}]"

pytestmark = [pytest.mark.night, pytest.mark.timeout(1500)]

Start = Callable[..., "subprocess.Popen[str]"]


@dataclass(frozen=True)
class Installed:
    """hushd as one installer has put it: the words that its commands begin with, and how it is upgraded."""

    command: Callable[[str], list[str]]
    upgrade: Callable[[], object]


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


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of what hushd and its engines need, and of pip, which pipx installs for itself."""
    folder = tmp_path_factory.mktemp("wheels")
    needed = map(Requirement, requires("hushd") or ())
    ours = [str(one) for one in needed if not one.marker or any(one.marker.evaluate({"extra": e}) for e in EXTRAS)]
    try:
        wheelhouse.fill(folder, [text.partition(";")[0] for text in [*ours, "pip"]])
    except PackageNotFoundError as error:
        pytest.skip(f"not installed here: {error}")
    return folder


@pytest.fixture
def index(wheel: Path, tmp_path: Path) -> Path:
    """A folder with the wheels of hushd that are out: an upgrade adds one."""
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / wheel.name).symlink_to(wheel)
    return folder


@pytest.fixture(params=["pip", "pipx", "uv tool", "uvx"])
def installer(request: pytest.FixtureRequest) -> str:
    """The program that installs hushd."""
    return str(request.param)


@pytest.fixture
def installed(request: pytest.FixtureRequest, installer: str, wheel: Path, index: Path, tmp_path: Path) -> Installed:
    if installer == "pip":
        commands = environment(tmp_path, wheel)
        return Installed(lambda name: [str(commands / name)], lambda: install(commands, next_wheel.make(wheel, index)))
    offline(request.getfixturevalue("wheels"), index, tmp_path, request.getfixturevalue("monkeypatch"))
    first, *words = installer.split()
    program = shutil.which(first, path=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
    if program is None:
        pytest.skip(f"{first} is not installed here")
    if first == "uvx":
        return Installed(
            lambda name: [program, "--quiet", "--from", HUSHD, name], lambda: next_wheel.make(wheel, index)
        )

    def run(*arguments: str) -> None:
        subprocess.run([program, *words, *arguments], check=True, capture_output=True, cwd=tmp_path, timeout=LIMIT_S)

    def upgrade() -> None:
        next_wheel.make(wheel, index)
        run("upgrade", "hushd")

    run("install", "--python", sys.executable, HUSHD)
    return Installed(lambda name: [str(tmp_path / "bin" / name)], upgrade)


def offline(wheels: Path, index: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the installers find these wheels alone, and keep what they make in `home`."""
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_FIND_LINKS", {"PIP": " ", "UV": ","}[tool].join(map(str, (wheels, index))))
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
    for name, folder in FOLDERS.items():
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON", sys.executable)


def environment(tmp_path: Path, wheel: Path) -> Path:
    """Makes an environment that has hushd from `wheel`, and links to the other packages that are here; returns its
    commands."""
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
def start(installed: Installed, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts one of the commands; their supervisor is ended afterwards."""
    for name in ("HUSHD_AUTOSTART", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def do(*words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*installed.command(str(words[0])), *map(str, words[1:])],
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


def test_an_upgrade_loses_no_work(start: Start, installed: Installed, tmp_path: Path) -> None:
    """A recording and a text that are at work are finished by the old version; the old supervisor starts workers of the
    new one and answers its commands until `hushd restart`."""
    (tmp_path / "text").write_text(TEXT)
    good(start("say", "-o", "recording.wav", "-f", "text"))
    before = good(start("listen", "recording.wav"))
    listen = start("listen", "recording.wav")
    say = start("say", "-o", "speech.wav", "-f", "text")
    assert listen.stdout
    heard = listen.stdout.readline()
    installed.upgrade()
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == "0.1.0"
    assert "moonshine/tiny-en" in good(start("hushd", "models", "list"))
    good(start("say", "--markdown", "-o", "other.wav", "# The *end*"))
    assert "end" in good(start("listen", "--diarize", "-f", "json", "other.wav")).lower()
    heard += listen.stdout.read()  # what `readline` has read ahead too, unlike `communicate`
    good(listen)
    assert SequenceMatcher(None, before.split(), heard.split()).ratio() > 0.95, heard
    good(say)
    sizes = [(tmp_path / name).stat().st_size for name in ("recording.wav", "speech.wav")]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)
    good(start("hushd", "restart"))
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == next_wheel.VERSION


@pytest.mark.parametrize("installer", ["pip", "pipx", "uv tool"], indirect=True)
def test_an_upgrade_at_rest_loses_no_request(start: Start, installed: Installed) -> None:
    """An old supervisor without a worker makes way at the first request, which the next one answers.

    Not by uvx: there the old version's files stay, so that nothing hurries it.
    """
    good(start("hushd", "restart"))  # starts one
    installed.upgrade()
    good(start("say", "-o", "speech.wav", "Hello."))
    assert json.loads(good(start("hushd", "status", "--json")))["supervisor"]["version"] == next_wheel.VERSION

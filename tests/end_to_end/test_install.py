"""hushd in fresh environments, made by uv and pipx from a wheel: everything works without the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from release_maker import environments

from . import wheelhouse

ROOT = Path(__file__).parents[2]
BASE = ("h11", "msgpack", "psutil", "pyzmq", "tomlkit")
# Imports every module of the core, in an environment that has no plugin and no extra but `default`.
IMPORTS = """
import importlib, pathlib, pkgutil, sysconfig
packages = sorted(each.parent for each in pathlib.Path(sysconfig.get_path("purelib")).glob("hushd*/__init__.py"))
walked = [(each.name, pkgutil.walk_packages([str(each)], f"{each.name}.")) for each in packages]
names = [name for package, modules in walked for name in (package, *(module.name for module in modules))]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names) > 400, *(each.name for each in packages))
"""
LIMIT_S = 170
SEARCHED = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"  # for the tools
FOLDERS = {
    "UV_CACHE_DIR": "cache", "UV_TOOL_DIR": "tools", "UV_TOOL_BIN_DIR": "bin", "PIPX_HOME": "pipx",
    "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man",
}  # fmt: skip

pytestmark = [pytest.mark.night, pytest.mark.timeout(400)]  # an environment with an engine is 250 MB of files

Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with hushd's own wheel, and wheels of its dependencies, made of the packages installed here."""
    pytest.importorskip("hatchling", reason="hatchling is not installed here")
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_S,
    )  # fmt: skip
    try:
        wheelhouse.fill(folder, [*BASE, *_default(), "pip"])
    except PackageNotFoundError as error:
        pytest.skip(f"not installed here: {error}")
    return folder


def _default() -> list[str]:
    """The requirements of the extra `default`."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]["hooks"]["custom"][
        "extras"
    ]
    (every,) = extras["default"]
    return [text for extra in every.removeprefix("hushd[").rstrip("]").split(",") for text in extras[extra]]


@pytest.fixture
def run(wheels: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a program in a clean environment with a home of its own, and neither an index nor the repository."""
    monkeypatch.delenv("HUSHD_AUTOSTART")
    tools = tmp_path / "found"  # a folder that has these alone: one of them may lie beside a hushd that is not meant
    tools.mkdir()
    for name in ("uv", "pipx"):
        if found := shutil.which(name, path=SEARCHED):
            (tools / name).symlink_to(found)
    environment = {
        "HOME": str(tmp_path), "LANG": "C.UTF-8",
        "PATH": ":".join([str(tools), str(Path(os.__file__).parents[2] / "bin"), "/usr/bin", "/bin"]),
        "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels), "UV_PYTHON_DOWNLOADS": "never",
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **{name: str(tmp_path / folder) for name, folder in FOLDERS.items()},
        **{name: os.environ[name] for name in ("HUSHD_RUNTIME_DIR", "HUSHD_STATE_DIR", "HUSHD_CONFIG")},
    }  # fmt: skip

    def do(*words: str | Path, status: int = 0) -> str:
        done = subprocess.run(
            list(map(str, words)), env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S
        )
        assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        return done.stderr if status else done.stdout

    yield do
    if (tmp_path / "bin/hushd").exists():
        subprocess.run([tmp_path / "bin/hushd", "shutdown"], env=environment, capture_output=True, timeout=LIMIT_S)


def needs(tool: str) -> None:
    if shutil.which(tool, path=SEARCHED) is None:
        pytest.skip(f"{tool} is not installed here")


def check(run: Run, hushd: Path, environment: Path) -> None:
    """The part that needs no engine: help, completion, documents, units, manual pages, doctor, a supervisor."""
    assert run(hushd, "--version") == "hushd 0.1.0\n"
    assert "complete -F _hushd hushd say listen" in run(hushd, "completion", "bash")
    (unit,) = environment.glob("lib/python*/site-packages/hushd_cli/packaging/systemd/user/hushd.service")
    assert "ExecStart=" in unit.read_text()
    page = environment / "share/man/man1/hushd.1"
    assert page.read_text().startswith(".TH HUSHD 1")
    (documents,) = environment.glob("lib/python*/site-packages/hushd_models/docs")
    assert (documents / "examples/whisper-cpp.toml").exists()
    findings = json.loads(run(hushd, "doctor", "--no-engines", "--json"))["findings"]
    assert not [finding for finding in findings if finding["state"] == "broken"]
    assert f"in {environment}" in findings[0]["text"]
    assert str(ROOT) not in json.dumps(findings)
    assert json.loads(run(hushd, "status", "--json"))["workers"] == []


def test_a_tool_of_uv_speaks(run: Run, wheels: Path, tmp_path: Path) -> None:
    """`uv tool install` of the wheel with its voice: the commands are there, and a sound file comes out."""
    needs("uv")
    (wheel,) = wheels.glob("hushd-*.whl")
    run("uv", "tool", "install", "--python", sys.executable, f"hushd[tts] @ {wheel.as_uri()}")
    check(run, tmp_path / "bin/hushd", tmp_path / "tools/hushd")
    run(tmp_path / "bin/say", "-o", "hello.wav", "Hello there.")
    assert (tmp_path / "hello.wav").stat().st_size > 20_000


def test_the_core_alone_does_what_it_is_for(run: Run, wheels: Path, tmp_path: Path) -> None:
    """The extra `default` alone imports every module, without a plugin, and it speaks, listens, serves, and has tools
    for agents; a plugin's engine and command are each one sentence with the line that installs it."""
    needs("uv")
    (wheel,) = wheels.glob("hushd-*.whl")
    run("uv", "tool", "install", "--python", sys.executable, f"hushd[default] @ {wheel.as_uri()}")
    environment = tmp_path / "tools/hushd"
    imported, *packages = run(environment / "bin/python", "-c", IMPORTS).split()
    assert imported == "True"
    assert {path.parent.name for path in ROOT.glob("*/hushd*/__init__.py")} == set(packages)
    assert len(environments.smoke(environment, tmp_path / "work")) == 3
    line = f"uv tool install 'hushd[default,PLUGIN] @ {wheel.as_uri()}'"
    for status, words, plugin in (
        (6, ["models", "pull", "piper/de_DE-thorsten-medium"], "engines-piper"),
        (6, ["say", "--engine", "sherpa-onnx", "-o", "x.wav", "Hello."], "engines-sherpa-onnx"),
        (6, ["listen", "--engine", "transcribe-cpp", "work/green.wav"], "engines-transcribe-cpp"),
        (2, ["config", "set", "stt", "transcribe-cpp/parakeet-ultra"], "engines-transcribe-cpp"),
        (6, ["wake"], "wake"),
        (6, ["dictate"], "desktop"),
    ):
        told = run(environment / "bin/hushd", *words, status=status)
        assert f" takes the plugin {plugin}: " in told, told
        assert line.replace("PLUGIN", plugin) in told, told


def test_pipx_installs_commands_and_manual_pages(run: Run, wheels: Path, tmp_path: Path) -> None:
    """`pipx install` of the wheel alone: the commands, and the pages where man finds them; no engine speaks yet."""
    needs("pipx")
    (wheel,) = wheels.glob("hushd-*.whl")
    run("pipx", "install", "--python", sys.executable, wheel)
    check(run, tmp_path / "bin/hushd", tmp_path / "pipx/venvs/hushd")
    assert (tmp_path / "man/man1/say.1").exists()
    run(tmp_path / "bin/say", "-o", "hello.wav", "Hello there.", status=6)

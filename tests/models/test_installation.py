"""The command that installs into an environment: in real ones, made by each tool, without any network."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import hushd_models
import hushd_protocol
import hushd_schema
import pytest
from hushd_models import installation

pytestmark = pytest.mark.timeout(200)  # pip alone takes seconds, and more where others work

# Makes wheels without any other package: copies, or for `--editable` a .pth that leads to the sources.
BACKEND = """
import pathlib, zipfile
FOLDER = pathlib.Path(__file__).parent
METADATA = "Metadata-Version: 2.1\\nName: hushd\\nVersion: 0.1.0\\nProvides-Extra: whisper\\nProvides-Extra: tts\\n" \\
    "Requires-Dist: stand-in; extra == 'whisper'\\n"
def wheel(target, files):
    name = "hushd-0.1.0-py3-none-any.whl"
    files |= {"METADATA": METADATA, "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
              "entry_points.txt": "[console_scripts]\\nhushd = hushd_models:main\\n", "RECORD": ""}
    with zipfile.ZipFile(pathlib.Path(target) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path if "/" in path or path.endswith(".pth") else f"hushd-0.1.0.dist-info/{path}", text)
    return name
def build_wheel(target, settings=None, metadata=None):
    sources = FOLDER / "models"
    return wheel(target, {str(p.relative_to(sources)): p.read_text() for p in sources.rglob("*.py")})
def build_editable(target, settings=None, metadata=None):
    return wheel(target, {"hushd.pth": str(FOLDER / "models")})
def get_requires_for_build_wheel(settings=None): return []
get_requires_for_build_editable = get_requires_for_build_wheel
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "hushd"
version = "0.1.0"
[project.optional-dependencies]
whisper = ["stand-in"]
tts = []
"""
ASK = "from hushd_models import installation as i; print(i.{question})"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sources called hushd, whose extra `whisper` asks for the package stand-in."""
    folder = tmp_path_factory.mktemp("hushd sources")
    for package in (hushd_models, hushd_protocol, hushd_schema):
        shutil.copytree(Path(package.__file__ or "").parent, folder / "models" / package.__name__)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of the packages stand-in and beside: all that can be installed here."""
    folder = tmp_path_factory.mktemp("index")
    for name in ("stand-in", "beside"):
        module = name.replace("-", "_")
        with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{module}.py", "")
            info = f"{module}-1.0.dist-info"
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def shell(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which uv, pip and pipx keep everything in `tmp_path`, which is returned, and ask no network."""
    for name in [*os.environ]:
        if name.startswith(("UV_", "PIP_", "PIPX_", "VIRTUAL_ENV")):
            monkeypatch.delenv(name)
    for name, value in {
        "UV_CACHE_DIR": "cache", "UV_TOOL_DIR": "uv-tools", "UV_TOOL_BIN_DIR": "bin", "PIPX_HOME": "pipx",
        "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man", "XDG_CONFIG_HOME": "config",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / name if value == "cache" else tmp_path / value))
    for name, value in {
        "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index), "UV_PYTHON_DOWNLOADS": "never",
        "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PATH": f"{sysconfig.get_path('scripts')}:{Path(os.__file__).parents[2] / 'bin'}:{os.environ['PATH']}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return tmp_path


def run(command: Sequence[str | Path]) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")


def asked(python: Path, question: str = "extra_command('whisper')") -> list[str]:
    return shlex.split(run([python, "-c", ASK.format(question=question)]))


def proven(python: Path) -> list[str]:
    """The command for the extra `whisper`, which brings it, and leaves hushd where it was."""
    command = asked(python)
    assert subprocess.run([python, "-c", "import stand_in"], capture_output=True).returncode
    run(command)
    run([python, "-c", "import stand_in, hushd_models"])
    return command


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


@pytest.mark.night  # pip installs four times; by day uv and pipx do
def test_a_venv_installs_by_its_own_pip_from_where_hushd_came(shell: Path, sources: Path) -> None:
    """Also where that is a folder with a space in its name; and an editable install stays one."""
    run([sys.executable, "-m", "venv", shell / "venv"])
    python = python_of(shell / "venv")
    pip = [str(python), "-m", "pip", "install"]
    run([*pip, sources])
    assert proven(python) == [*pip, f"hushd[whisper] @ {sources.as_uri()}"]
    run(asked(python, "package_command('beside')"))
    run([python, "-c", "import beside"])
    run([python, "-m", "pip", "uninstall", "--yes", "hushd", "stand-in"])
    run([*pip, "--editable", sources])
    assert proven(python) == [*pip, "--editable", f"{sources}[whisper]"]
    assert run([python, "-c", "import hushd_models as p; print(p.__file__)"]).startswith(str(sources))


def test_an_environment_of_uv_has_no_pip(shell: Path, sources: Path) -> None:
    """uv installs into it by the path of its Python."""
    needs("uv")
    run(["uv", "venv", "--python", sys.executable, shell / "venv"])
    python = python_of(shell / "venv")
    run(["uv", "pip", "install", "--python", python, sources])
    assert proven(python)[:5] == ["uv", "pip", "install", "--python", str(python)]


@pytest.mark.parametrize("editable", [False, True])
def test_a_tool_of_uv_keeps_what_it_was_installed_with(shell: Path, sources: Path, editable: bool) -> None:
    """Other extras, and packages beside hushd; a new version of it keeps the extra, too."""
    needs("uv")
    option = ["--editable"] if editable else []
    run(["uv", "tool", "install", "--python", sys.executable, "--with", "beside>=1", *option, f"{sources}[tts]"])
    python = python_of(shell / "uv-tools" / "hushd")
    command = proven(python)
    assert command[:5] == ["uv", "tool", "install", "--with", "beside>=1"]
    assert ("--editable" in command, "[tts,whisper]" in command[-1]) == (editable, True)
    run([python, "-c", "import beside"])
    run(["uv", "tool", "upgrade", "hushd"])
    run([python, "-c", "import stand_in"])
    assert asked(python)[-1] == command[-1]


def test_an_environment_of_uvx_gets_nothing_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies in uv's cache: the command installs hushd for good, and has a supervisor of that take over."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "archive-v0" / "JbW5gNBsb4hHN2L"))
    monkeypatch.setattr(installation, "_checkout", lambda: None)
    monkeypatch.setattr(installation, "_address", lambda: "")
    ask = installation.extra_command.__wrapped__
    assert ask("tts") == "uv tool install 'hushd[default]' && hushd restart"
    assert ask("whisper") == "uv tool install 'hushd[default,whisper]' && hushd restart"


def test_the_extras_of_default_are_those_of_the_project() -> None:
    """pyproject.toml says which they are; an extra that `default` has is not named beside it."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (default,) = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["extras"]["default"]
    assert sorted(default.removeprefix("hushd[").removesuffix("]").split(",")) == list(installation._DEFAULT)


def test_the_systems_python_is_told_that_it_may(shell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip installs nothing beside the system's packages without that option (PEP 668), and needs it nowhere else."""
    library = tmp_path / "lib" / "python3"
    library.mkdir(parents=True)
    (library / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(os, "__file__", str(library / "os.py"))
    monkeypatch.setattr(installation, "find_spec", lambda name: True)  # pip, which uv leaves out of what it makes
    installation.package_command.cache_clear()
    assert "--break-system-packages" not in installation.package_command("beside")
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    installation.package_command.cache_clear()
    assert "--break-system-packages beside" in installation.package_command("beside")
    installation.package_command.cache_clear()


@pytest.mark.parametrize("name", ["CONFIGURATION.md", "MODELS.md"])
def test_documents_are_named_by_a_path_that_exists(name: str) -> None:
    """As they lie in this installation."""
    assert Path(installation.document(name)).is_file()

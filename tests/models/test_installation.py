"""The command that installs into an environment: in real ones, made by each tool, without any network."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hushd_models
import hushd_protocol
import hushd_schema
import pytest
from hushd_models import installation
from hushd_protocol import __version__
from hushd_schema.engines import EngineSpec
from msgspec.structs import replace

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
    """The place may be a folder with a space in its name; and an editable install stays one."""
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


class Environment:
    """An environment without hushd's sources: pip's, from an index, until a file says otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.packages = folder, folder / "it's" / "site"
        self.packages.mkdir(parents=True)
        self.sources = self.packages.parent

    def origin(self, **content: object) -> None:
        """Says where hushd came from."""
        (self.packages / "hushd-1.dist-info").mkdir(exist_ok=True)
        (self.packages / "hushd-1.dist-info" / "direct_url.json").write_text(json.dumps(content))

    def checkout(self, *plugins: str) -> None:
        (self.sources / "pyproject.toml").touch()
        for plugin in plugins:
            (self.sources / "plugins" / plugin).mkdir(parents=True)

    def receipt(self, text: str) -> None:
        (self.folder / "uv-receipt.toml").write_text(text)

    def pipx(self, text: str) -> None:
        (self.folder / "pipx_metadata.json").write_text(text)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environment]:
    made = Environment(tmp_path / "archive-x")
    monkeypatch.setattr(sys, "prefix", str(made.folder))
    monkeypatch.setattr(sys, "executable", "/py")
    monkeypatch.setattr(installation, "_PACKAGES", made.packages)
    monkeypatch.setattr(installation, "find_spec", lambda name: True)
    asks = installation.extra_command, installation.package_command
    for ask in asks:
        ask.cache_clear()
    yield made
    for ask in asks:
        ask.cache_clear()


def words(command: str) -> list[str]:
    return shlex.split(command)


PIP, UV_PIP = "/py -m pip install", "uv pip install --python /py"
GIT = {"url": "https://x/h", "vcs_info": {"vcs": "git", "requested_revision": "v1"}}
OTHERS = """[tool]
requirements = [
 { name = "hushd", extras = ["tts", "wake"] },
 { name = "a", extras = ["b", "c"], specifier = ">=1" }, { name = "d" }, { name = "e", editable = "/e" },
 { name = "f", path = "/f g.whl" }, { name = "h", extras = ["i"], directory = "/h" }, { name = "j", url = "https://j" },
 { name = "k", git = "https://k?subdirectory=l&rev=m" }, { name = "n", git = "https://n?tag=o#p" },
 { name = "q", git = "https://q?branch=r" }, { name = "hushd-cluster", git = "https://old" },
]"""
AGAIN = [
    *["--with", "a[b,c]>=1", "--with", "d", "--with-editable", "/e", "--with", "f @ file:///f%20g.whl"],
    *["--with", "h[i] @ file:///h", "--with", "j @ https://j", "--with", "k @ git+https://k@m#subdirectory=l"],
    *["--with", "n @ git+https://n@o", "--with", "q @ git+https://q@r"],
]


@pytest.mark.parametrize(("origin", "extra", "plugin"), [
    ({}, "hushd[tts]", "hushd[cluster]"),
    ({"url": "https://x/h.whl"}, "hushd[tts] @ https://x/h.whl", "hushd[cluster] @ https://x/h.whl"),
    ({"url": "file:///gone"}, "hushd[tts]", "hushd[cluster]"),
    (GIT, "hushd[tts] @ git+https://x/h@v1", "hushd-cluster @ git+https://x/h@v1#subdirectory=plugins/cluster"),
    (
        GIT | {"vcs_info": {"vcs": "git"}},
        "hushd[tts] @ git+https://x/h",
        "hushd-cluster @ git+https://x/h#subdirectory=plugins/cluster",
    ),
])  # fmt: skip
def test_pip_takes_it_from_where_hushd_came(
    environment: Environment, origin: dict[str, object], extra: str, plugin: str
) -> None:
    """An index, an address or a repository; of a file that is gone, the index."""
    environment.origin(**origin)
    assert words(installation.extra_command("tts")) == [*words(PIP), extra]
    assert words(installation.extra_command("cluster")) == [*words(PIP), plugin]


def test_a_plugins_wheel_may_lie_beside_hushds(environment: Environment) -> None:
    """It is installed from there, or from the sources of which hushd is a copy; of a plugin without, hushd has an
    extra."""
    folder = environment.folder / "my wheels"
    folder.mkdir()
    (folder / "hushd.whl").touch()
    environment.origin(url=(folder / "hushd.whl").as_uri())
    (folder / f"hushd_engines_piper-{__version__}-py3-none-any.whl").touch()
    for name, told in (
        (
            "engines-piper",
            f"hushd-engines-piper @ {folder.as_uri()}/hushd_engines_piper-{__version__}-py3-none-any.whl",
        ),
        ("cluster", f"hushd[cluster] @ {folder.as_uri()}/hushd.whl"),
    ):
        assert words(installation.extra_command(name)) == [*words(PIP), told]
    (folder / "plugins" / "wake").mkdir(parents=True)
    environment.origin(url=folder.as_uri(), dir_info={})
    assert words(installation.extra_command("wake"))[-1] == f"hushd-wake @ {folder.as_uri()}/plugins/wake"
    assert words(installation.extra_command("remote"))[-1] == f"hushd[remote] @ {folder.as_uri()}"


def test_sources_stay_sources(environment: Environment) -> None:
    """A plugin's are beside them; a folder that is none of hushd's plugins, or not there, is an extra."""
    environment.checkout("cluster", "tts")
    sources = str(environment.sources)
    assert installation.document("X.md") == f"{sources}/docs/X.md"
    for name, told in (
        ("tts", f"{sources}[tts]"),
        ("wake", f"{sources}[wake]"),
        ("cluster", f"{sources}/plugins/cluster"),
    ):
        assert words(installation.extra_command(name)) == [*words(PIP), "--editable", told]
    environment.receipt("")
    installation.extra_command.cache_clear()
    expected = ["uv", "tool", "install", "--with-editable", f"{sources}/plugins/cluster", "--editable", sources]
    assert words(installation.extra_command("cluster")) == expected


@pytest.mark.parametrize(
    ("origin", "name", "told"),
    [
        ({}, "whisper", ["hushd[tts,wake,whisper]"]),
        ({}, "wake", ["hushd[tts,wake]"]),
        ({}, "tts", ["hushd[wake,tts]"]),
        ({}, "cluster", ["hushd[tts,wake,cluster]"]),
        (GIT, "wake", ["--with", "hushd-wake @ git+https://x/h@v1#subdirectory=plugins/wake", "hushd[tts] @ git+https://x/h@v1"]),
    ],
)  # fmt: skip
def test_uv_is_told_all_that_its_receipt_has(
    environment: Environment, origin: dict[str, object], name: str, told: list[str]
) -> None:
    """Each package beside hushd from where it came, and hushd's extras; of a plugin that comes anew, only the new."""
    environment.receipt(OTHERS)
    environment.origin(**origin)
    old = [] if name == "cluster" else ["--with", "hushd-cluster @ git+https://old"]
    assert words(installation.extra_command(name)) == ["uv", "tool", "install", *AGAIN, *old, *told]


def test_several_extras_are_one_command(environment: Environment) -> None:
    """Each installer has one: the second of two commands of uv's takes away what the first has brought."""
    names = ("faster-whisper", "wake", "kokoro")
    environment.origin(**GIT)
    own, plugin = "hushd[{}] @ git+https://x/h@v1", "hushd-wake @ git+https://x/h@v1#subdirectory=plugins/wake"
    both = own.format("faster-whisper,kokoro")
    assert words(installation.extra_command(*names)) == [*words(PIP), plugin, both]
    assert words(installation.extra_command("wake")) == [*words(PIP), plugin]
    environment.pipx("{}")
    installation.extra_command.cache_clear()
    assert words(installation.extra_command(*names)) == ["pipx", "inject", "archive-x", plugin, both]
    environment.receipt('tool.requirements = [{ name = "hushd", extras = ["tts", "kokoro"] }]')
    installation.extra_command.cache_clear()
    expected = ["--with", plugin, own.format("tts,faster-whisper,kokoro")]
    assert words(installation.extra_command(*names)) == ["uv", "tool", "install", *expected]


@pytest.mark.parametrize("text", ["[", "tool = 5", "[tool]", "[tool]\nrequirements = [5]", "tool.requirements = 5"])
def test_a_damaged_receipt_tells_nothing(environment: Environment, text: str) -> None:
    """The command is that of a tool without anything beside it."""
    environment.receipt(text)
    assert words(installation.extra_command("tts")) == ["uv", "tool", "install", "hushd[tts]"]


@pytest.mark.parametrize(("text", "name"), [('{"environment": "h-2"}', "h-2"), ("[]", "archive-x"), ("{", "archive-x")])
def test_pipx_knows_its_environment_by_name(environment: Environment, text: str, name: str) -> None:
    """Its metadata has the name; a damaged file leaves the name of the folder."""
    environment.pipx(text)
    assert words(installation.extra_command("tts")) == ["pipx", "inject", name, "hushd[tts]"]
    assert words(installation.package_command("x[y]")) == ["pipx", "runpip", name, "install", "x[y]"]
    environment.checkout("cluster")
    editable = ["--editable", name, f"{environment.sources}/plugins/cluster"]
    assert words(installation.extra_command("cluster")) == ["pipx", "inject", *editable]


def test_without_pip_uv_installs(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv is given the path of this Python, or its name where it has no path."""
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name == "pip" else True)
    assert installation.package_command("x") == f"{UV_PIP} x"
    monkeypatch.setattr(sys, "executable", "")
    assert installation.package_command("y") == f"{UV_PIP} y".replace("/py", "python3")
    assert installation.document("X.md") == str(environment.packages / "hushd_models/docs/X.md")


def test_an_environment_of_uvx_gets_nothing_added(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies in uv's cache: the command installs hushd for good, and has a supervisor of that take over."""
    monkeypatch.setattr(sys, "prefix", str(environment.folder / "archive-v0" / "JbW5gNBsb4hHN2L"))
    environment.origin(**GIT)
    for name, told in (
        ("tts", "'hushd[default] @ git+https://x/h@v1'"),
        ("whisper", "'hushd[default,whisper] @ git+https://x/h@v1'"),
        (
            "wake",
            "--with 'hushd-wake @ git+https://x/h@v1#subdirectory=plugins/wake' 'hushd[default] @ git+https://x/h@v1'",
        ),
    ):
        assert installation.extra_command(name) == f"uv tool install {told} && hushd restart"


def test_a_plugin_that_is_missing_is_a_sentence(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence has its command; one of another version is told both; any other word is not a plugin."""
    monkeypatch.setattr(installation, "plugins", lambda: {"cluster": "0.0.9"})
    command = f"{PIP} 'hushd[engines-piper]'."
    assert installation.engine_needed("piper") == f"The engine piper takes the plugin engines-piper: {command}"
    assert installation.engine_needed("whisper") == ""
    assert installation.plugin_needed("cluster", "It") == (
        f"hushd-cluster is of version 0.0.9, and hushd of {__version__}: {PIP} 'hushd[cluster]'."
    )


@pytest.mark.parametrize(("spec", "command"), [
    ({"requirement": "p[q]", "extra": "tts"}, f"{PIP} 'p[q]'"),
    ({"extra": "espeak", "outside": "apt install e, or "}, f"apt install e, or {PIP} 'hushd[espeak]'"),
    ({"requirement": "p", "outside": "apt install e, or "}, f"apt install e, or {PIP} p"),
    ({}, "make it an environment of its own, as "),
    (None, "make it an environment of its own, as "),
])  # fmt: skip
def test_an_engine_has_a_command(environment: Environment, spec: dict[str, Any] | None, command: str) -> None:
    """The command names its own requirement, or hushd's extra; an engine with neither has a page."""
    page = "" if spec and spec.keys() & {"extra", "requirement"} else f"{installation.document('MODELS.md')} says"
    engine = None if spec is None else replace(EngineSpec("e", "tts", "e:E"), **spec)
    assert installation.engine_command(engine) == command + page


@pytest.mark.parametrize(("here", "installed"), [("", False), ("a", False), ("b", False), ("a b", True)])
def test_an_engine_needs_all_its_packages(here: str, installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two does not do."""
    monkeypatch.setattr(installation, "find_spec", here.split().__contains__)
    assert installation.engine_installed(EngineSpec("e", "tts", "e:E", packages=("a", "b"))) is installed


@pytest.mark.parametrize(("platform", "name", "command"), [
    ("linux", "espeak-ng", "apt install espeak-ng"),
    ("darwin", "portaudio", "brew install portaudio"),
    ("darwin", "pulse", "apt install libpulse0"),
])  # fmt: skip
def test_a_library_comes_from_the_system(
    platform: str, name: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Homebrew brings it on macOS, where it has it."""
    monkeypatch.setattr(sys, "platform", platform)
    assert installation.LIBRARIES[name].remedy() == command


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
    """The path is where they lie in this installation."""
    assert Path(installation.document(name)).is_file()

"""The wheel and the source archive, as others install them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from command_reference import commands
from manual import pages
from release_maker import archives

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "agents", "cli", "client", "gateway", "models", "protocol", "reading", "supervisor", "worker",
    "worker_models", "worker_stt", "worker_tts",
)  # fmt: skip

ENGINES = (".swift", ".toml")  # of the examples, those of programs as engines


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both."""
    pytest.importorskip("hatchling", reason="hatchling is not installed here")
    folder, beside = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("beside")
    # As in pip's build, whose processes find by PYTHONPATH what it has installed for them.
    note = f"import sys; open({str(folder / 'seen')!r}, 'a').write(str(sys.orig_argv))"
    (beside / "sitecustomize.py").write_text(note)
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(beside)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(*names: str) -> dict[str, bytes]:
    """The files of the repository at these paths, and in folders of these paths."""
    paths = (path for name in names for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name]))
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in paths if path.is_file()}


def carried(wheel: dict[str, bytes], folder: str) -> dict[str, bytes]:
    """The files of the wheel that lie in this folder of a package, such as `hushd_models/docs`, by their paths in the
    repository.
    """
    package = folder.partition("/")[0]
    return {path.removeprefix(f"{package}/"): text for path, text in wheel.items() if path.startswith(f"{folder}/")}


def test_a_wheel_carries_the_documents_that_errors_and_help_name(wheel: dict[str, bytes]) -> None:
    """Each by the path that `document` makes of its name there; with the examples of engines, and no other document."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"document\([\"']([\w-]+\.md)[\"']\)", path.read_text())}
    helped = "".join(pages(commands()).values()).replace("\\-", "-")
    named |= set(re.findall(r"docs/([\w-]+\.md)", helped))
    assert {"CONFIGURATION.md", "MODELS.md"} <= named
    examples = (f"docs/examples/{path.name}" for path in (ROOT / "docs/examples").iterdir() if path.suffix in ENGINES)
    assert carried(wheel, "hushd_models/docs") == files_of(*(f"docs/{name}" for name in named), *examples)


def test_the_manual_is_made_with_what_the_build_has_installed(built: Path) -> None:
    """`pip install .` needs that: the pages are made by a process of their own."""
    assert "lab/release/manual.py" in (built / "seen").read_text()


def test_a_wheel_carries_units(wheel: dict[str, bytes]) -> None:
    """Files that `hushd service install` writes, and those for a whole machine, are in it, byte for byte."""
    units = files_of("packaging/dbus", "packaging/launchd", "packaging/systemd")
    assert carried(wheel, "hushd_cli/packaging") == units
    assert len(units) >= 5


def test_the_wheel_stays_within_its_limit(built: Path) -> None:
    """Above it the sentence says which folders have grown since packaging/wheel.toml was written."""
    (path,) = built.glob("*.whl")
    archives.check_weight(path)


def test_a_wheel_carries_manual_pages(wheel: dict[str, bytes]) -> None:
    """They lie where pipx and package managers look for them, as the parsers have them."""
    folder = "hushd-0.1.0.data/data/share/man/man1/"
    carried = {name.removeprefix(folder): text for name, text in wheel.items() if name.startswith(folder)}
    assert carried == {name: text.encode() for name, text in pages(commands()).items()}
    assert {"hushd.1", "say.1", "listen.1"} <= set(carried)


def test_the_archive_of_the_sources_makes_the_same_wheel(built: Path, wheel: dict[str, bytes], tmp_path: Path) -> None:
    """Unpacked where there is no repository, with its links gone."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        filters = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Debian 12's Python has none
        archive.extractall(tmp_path, **filters)
    (sources,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (again,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(again) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == wheel

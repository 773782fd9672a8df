"""The files by which others offer hushd: in the version of the sources, and as their readers want them."""

from __future__ import annotations

import mmap
import os
import re
import subprocess
import tomllib
from pathlib import Path

import package_files
import pytest
from package_files import ROOT, names
from package_files.source import Source
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SCRIPTS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("agents", "debian")
    for path in (ROOT / "packaging" / folder).rglob("*")
    if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh")
)
FILES = package_files.files()
SOURCE = Source.read()


@pytest.mark.parametrize("place", FILES)
def test_a_file_is_as_its_sources_make_it(place: str) -> None:
    """A changed version or name changes it: `scripts/packages` writes them anew."""
    assert (ROOT / place).read_text() == FILES[place], "run scripts/packages"


@pytest.mark.parametrize("place", SCRIPTS)
def test_a_script_is_one_to_its_shell(place: str) -> None:
    """It may be executed, and is read here, and not run."""
    assert os.access(ROOT / place, os.X_OK)
    done = subprocess.run(["sh", "-n", str(ROOT / place)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_version_that_has_no_place_is_noticed() -> None:
    """A file whose line was taken away, or written otherwise, is not passed over."""
    with pytest.raises(ValueError, match="0 lines that begin with 'Version: '"):
        names._lines("packaging/debian/control", {"Version: ": SOURCE.version})


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="which programs run where is read from /proc")
def test_an_update_leaves_the_environment_of_a_running_program(tmp_path: Path) -> None:
    """However many updates ago it was made, Debian's `environment` removes it only once nothing runs in it."""
    home = tmp_path / "home"
    for version in ("0.1.0", "0.2.0", "0.3.0"):
        (home / version).mkdir(parents=True)
        (home / version / "complete").write_text("library")
    (home / "current").symlink_to("0.2.0")
    (tmp_path / "version").write_text("0.3.0\n")
    script = (ROOT / "packaging/debian/environment").read_text().replace("/var/lib/hushd-python", str(home))
    script = script.replace("/usr/share/hushd", str(tmp_path))
    with (home / "0.1.0/complete").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):
        subprocess.run(["sh", "-c", script], check=True, timeout=60)
        assert {path.name for path in home.iterdir()} == {"0.1.0", "0.2.0", "0.3.0", "current"}
    subprocess.run(["sh", "-c", script], check=True, timeout=60)
    assert {path.name for path in home.iterdir()} == {"0.3.0", "current"}


def test_the_lock_has_each_package_that_default_asks_for() -> None:
    """Each has a version that pyproject.toml allows, and hashes: a dependency that is added there is added here."""
    sources = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, extras = sources["project"], sources["tool"]["hatch"]["metadata"]["hooks"]["custom"]["extras"]
    (default,) = (Requirement(text) for text in extras["default"])
    asked_for = [*project["dependencies"], *(text for extra in default.extras for text in extras[extra])]
    lock = (ROOT / "packaging/requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+).*\\\n    --hash=sha256:", lock, re.MULTILINE))
    for text in asked_for:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text

"""scripts/release: what it refuses, and the sentence it says then."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from release_maker import archives, checks, environments
from release_maker.checks import ROOT, Refusal


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A small repository whose places all have the version 1.2.3, not committed yet."""
    for place, text in {
        "pyproject.toml": '[project]\nname = "hushd"\nversion = "1.2.3"\n',
        "protocol/hushd_protocol/__init__.py": '"""The wire."""\n\n__version__ = "1.2.3"\n',
        "CHANGELOG.md": "# Changelog\n\n## 1.2.3 - 2027-01-31\n\n## 1.2.2 - 2026-12-01\n",
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def wheel_of(folder: Path, sizes: dict[str, int]) -> Path:
    """A wheel with as many bytes, which nothing compresses, in each folder."""
    path = folder / "hushd-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, size in sizes.items():
            archive.writestr(f"{name}/module.py", os.urandom(size))
    return path


def test_a_place_with_another_version_is_named(sources: Path) -> None:
    """The sentence has the version there; all places, as here, have the one that is released, which has no `v`, as tags
    have."""
    checks.check_version(checks.versions()["pyproject.toml"])
    checks.check_version("1.2.3", sources)
    with pytest.raises(Refusal, match=r"^v1\.2\.3 is not a version"):
        checks.check_version("v1.2.3", sources)
    (sources / "protocol/hushd_protocol/__init__.py").write_text('__version__ = "1.2.2"\n')
    with pytest.raises(
        Refusal, match=r"another version than 1\.2\.3: protocol/hushd_protocol/__init__\.py \(1\.2\.2\);"
    ):
        checks.check_version("1.2.3", sources)


def test_a_plugin_of_another_version_is_named(sources: Path) -> None:
    """It has hushd's, and each pins the other to it."""
    plugin = sources / "plugins/songs/pyproject.toml"
    plugin.parent.mkdir(parents=True)
    plugin.write_text('[project]\nname = "hushd-songs"\nversion = "1.2.3"\ndependencies = ["hushd[stt]==1.2.3", "x"]\n')
    checks.check_version("1.2.3", sources)
    plugin.write_text('[project]\nname = "hushd-songs"\nversion = "1.2.2"\ndependencies = ["hushd[stt]==1.2.1", "x"]\n')
    with pytest.raises(Refusal, match=r"plugins/songs/pyproject\.toml \(1\.2\.2\), hushd\[stt\]==1\.2\.1 \(1\.2\.1\)"):
        checks.check_version("1.2.3", sources)


def test_a_release_has_a_day_and_is_committed(sources: Path) -> None:
    """`unreleased` is none; of a tree that is not committed the sentence says how many files differ."""
    with pytest.raises(Refusal, match=r"^3 files differ from the last commit"):
        checks.check_tree(sources)
    checks.check_date(sources)
    (sources / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 - unreleased\n")
    with pytest.raises(Refusal, match=r"^CHANGELOG\.md says 'unreleased' of 1\.2\.3"):
        checks.check_date(sources)


def test_a_wheel_that_is_too_heavy_says_what_has_grown(tmp_path: Path) -> None:
    """The sentence goes by folder, most first; one that is within the limit passes."""
    table = tmp_path / "wheel.toml"
    table.write_text('"kB of wheels".hushd = 100\n\n[kb]\nhushd_cli = 30\nhushd = 20\n')
    archives.check_weight(wheel_of(tmp_path, {"hushd_cli": 60_000, "hushd": 20_000}), table, table)
    heavy = wheel_of(tmp_path, {"hushd_cli": 60_000, "hushd": 20_000, "hushd_songs": 50_000})
    with pytest.raises(
        Refusal, match=r"100 are its limit; what has grown: hushd_songs by 50 kB, hushd_cli by 30 kB\.$"
    ):
        archives.check_weight(heavy, table, table)


def test_sums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    """A line for each file: the digest, two spaces, the name."""
    path = tmp_path / "a.whl"
    path.write_bytes(b"abc")
    assert archives.write_sums([path]).read_text() == f"{hashlib.sha256(b'abc').hexdigest()}  a.whl\n"


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").iterdir()), ids=lambda path: path.name)
def test_a_workflow_runs_what_is_there_and_says_that_it_never_did(path: Path) -> None:
    """Its commands of this repository exist; Pythons that it names are tried by a release, too."""
    text = path.read_text()
    assert text.startswith("# Never run so far")
    commands = re.findall(r"run: (scripts/\w+)", text)
    assert commands
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)
    assert set(re.findall(r'"(3\.\d+)"', text)) <= set(environments.PYTHONS)


def test_a_refusal_is_one_sentence() -> None:
    """No traceback: the exit status is 1, and nothing is built."""
    command = [sys.executable, str(ROOT / "lab/release/release_maker"), "9.9.9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("scripts/release: These have another version than 9.9.9: pyproject.toml (")
    assert len(done.stderr.splitlines()) == 1

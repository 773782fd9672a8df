"""Checks of the sources, which all hold before a release is made of them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_PIN = re.compile(
    r"hushd[\w,\[\]-]*==(.+)"
)  # of a plugin to hushd; the other way round the extras have it of the sources
_HEADING = re.compile(r"^## (\S+) - (\S+)$", re.MULTILINE)
# What others are told about hushd and is made of the sources: these tests compare the two in seconds.
_DOCUMENTS = ("tests/cli/test_manual.py", "tests/documents", "tests/golden", "tests/schema")


class Refusal(Exception):
    """A release that cannot be made: one sentence, with what to do."""


def versions(root: Path = ROOT) -> dict[str, str]:
    """The version that each place of the sources has, by its file."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    module = root / "protocol/hushd_protocol/__init__.py"
    plugins, pinned = {}, []
    for path in sorted(root.glob("plugins/*/pyproject.toml")):
        plugin = tomllib.loads(path.read_text())["project"]
        plugins[str(path.relative_to(root))] = plugin["version"]
        pinned += plugin["dependencies"]
    pins = (_PIN.fullmatch(pin) for pin in pinned)
    return {
        "pyproject.toml": project["version"],
        **plugins,
        **{pin[0]: pin[1] for pin in pins if pin},
        str(module.relative_to(root)): _only(r'^__version__ = "(.+)"$', module),
        "CHANGELOG.md": _latest(root)[0],
    }


def check_version(version: str, root: Path = ROOT) -> None:
    """Raises `Refusal` unless every place has `version`."""
    if not _VERSION.fullmatch(version):
        raise Refusal(f"{version} is not a version such as 0.2.0 or 0.2.0rc1.")
    others = [f"{place} ({other})" for place, other in versions(root).items() if other != version]
    if others:
        raise Refusal(f"These have another version than {version}: {', '.join(others)}; change them and commit.")


def check_date(root: Path = ROOT) -> None:
    """Raises `Refusal` unless the newest heading of CHANGELOG.md has a date."""
    version, date = _latest(root)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        raise Refusal(f"CHANGELOG.md says '{date}' of {version}: write the day of the release there, as 2027-01-31.")


def check_tree(root: Path = ROOT) -> None:
    """Raises `Refusal` unless the work tree is as committed."""
    changed = git("status", "--porcelain", root=root).splitlines()
    if changed:
        raise Refusal(f"{len(changed)} files differ from the last commit ({changed[0][3:]} …): commit them first.")


def check_documents(root: Path = ROOT) -> None:
    """Raises `Refusal` unless pages, help and tables are as the sources make them, and links lead somewhere."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_DOCUMENTS]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=900)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:])
        raise Refusal("The documents are not what the sources make of them: the tests above say which.")


def git(*words: str, root: Path = ROOT) -> str:
    """Returns what git prints.

    Raises:
        Refusal: git fails, as where there is no repository.
    """
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refusal(f"`git {' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _latest(root: Path) -> tuple[str, str]:
    """The version and the date, or what stands there instead, of the newest heading of CHANGELOG.md."""
    heading = _HEADING.search((root / "CHANGELOG.md").read_text())
    return (heading[1], heading[2]) if heading else ("no version", "nothing")


def _only(pattern: str, path: Path) -> str:
    match = re.search(pattern, path.read_text(), re.MULTILINE)
    return match[1] if match else "no version"

"""Wheels of packages that are installed here, so that a fresh environment can be made without a package index."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from email import message_from_string
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def fill(folder: Path, requirements: Iterable[str]) -> None:
    """Puts wheels of the requirements into `folder`, with all that they need.

    Raises:
        PackageNotFoundError: one of them is not installed here.
    """
    done: set[str] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        wanted = left.pop()
        name = canonicalize_name(wanted.name)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = distribution(name)
        for text in found.requires or ():
            needed = Requirement(text)
            extras = [*wanted.extras, ""]
            if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                left += [needed] if canonicalize_name(needed.name) not in done else []
        if name not in done:
            done.add(name)
            _pack(found, folder)


def _pack(found: Distribution, folder: Path) -> None:
    """Writes a wheel as the one that was installed, uncompressed, with the record that an installer checks."""
    wheel = message_from_string(found.read_text("WHEEL") or "")
    name = found.metadata["Name"].replace("-", "_")
    target = folder / f"{name}-{found.version}-{_tags(wheel.get_all('Tag', []))}.whl"
    if found.files is None:
        raise PackageNotFoundError(name)
    info = next(file.parts[0] for file in found.files if file.parts[0].endswith(".dist-info"))
    kept = [file for file in found.files if not _is_ours(file.parts, file.name)]
    with zipfile.ZipFile(target, "w") as archive:
        for file in kept:
            archive.write(str(file.locate()), str(file))
        lines = [
            f"{file},{f'{file.hash.mode}={file.hash.value}' if file.hash else ''},{file.size or ''}" for file in kept
        ]
        archive.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,", ""]))


def _is_ours(parts: tuple[str, ...], name: str) -> bool:
    """Returns whether the installation has made a file: scripts, compiled modules, notes of the installer."""
    return ".." in parts or "__pycache__" in parts or (parts[0].endswith(".dist-info") and name in _INSTALLERS)


def _tags(tags: Iterable[str]) -> str:
    """The tags of a wheel as its file name has them."""
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(column)) for column in columns)

"""Finds the entry points of installed packages in a tenth of `importlib.metadata`'s time, and hushd's own plugins.

It only reads the files that name them, and only imports the standard library's lightest modules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from hushd_protocol import __version__

# The plugins of hushd's own, which a release publishes as `hushd-NAME` of its version, and the commands that each adds.
PLUGINS: Mapping[str, tuple[str, ...]] = {
    "cluster": ("cluster",),
    "desktop": ("dictate", "captions", "read-selection"),
    "engines-piper": (),
    "engines-sherpa-onnx": (),
    "engines-transcribe-cpp": (),
    "remote": ("attach",),
    "tune": ("tune",),
    "wake": ("wake",),
    "watch": ("watch",),
    "written": (),
}
_METADATA = (".dist-info", ".egg-info")


class _Found(NamedTuple):
    groups: Mapping[str, Mapping[str, str]]
    plugins: Mapping[str, str]


def entry_points(group: str) -> Mapping[str, str]:
    """Returns the entry points of a hushd group, name to `module:attribute`; the first on the path wins.
    Those of an own plugin of another version are left out."""
    return _all(tuple(sys.path)).groups.get(group, {})


def loaded(target: str) -> Any:
    """Returns what an entry point names, `module:attribute`. Raises what the import does."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def plugins() -> Mapping[str, str]:
    """Returns the version of each of hushd's own plugins that is installed; another one than hushd's is not used."""
    return _all(tuple(sys.path)).plugins


def plugin_of(command: str) -> str:
    """Returns the own plugin that adds a command, be it installed or not; empty for any other word."""
    return next((plugin for plugin, commands in PLUGINS.items() if command in commands), "")


@cache
def _all(path: tuple[str, ...]) -> _Found:
    """Returns the entry points of every group that begins with `hushd.`, by group."""
    groups: dict[str, dict[str, str]] = {}
    versions: dict[str, str] = {}
    for folder in dict.fromkeys(path):
        for package, text in _texts(folder or "."):
            name, _, version = os.path.splitext(package)[0].partition("-")
            plugin = name.removeprefix("hushd_").replace("_", "-")
            if plugin in PLUGINS and versions.setdefault(plugin, version) != __version__:
                continue
            for group, point, target in _lines(text):
                groups.setdefault(group, {}).setdefault(point, target)
    return _Found(groups, versions)


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    """Yields the folder's packages with entry points of hushd's, by the names of their metadata."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return  # an archive, or a missing folder
    for name in names:
        if name.endswith(_METADATA):
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                    text = file.read()
            except (OSError, UnicodeDecodeError):
                continue  # most packages have no such file
            if "[hushd." in text:
                yield name, text


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Yields group, name and target of each entry point in a hushd group."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[] ")
        elif group.startswith("hushd.") and not line.startswith(("#", ";")):
            name, equals, target = line.partition("=")
            if equals:
                yield group, name.strip(), target.partition("[")[0].strip()

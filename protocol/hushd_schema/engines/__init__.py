"""The engines, each by its spec: one file, `NAME.json`, see `spec`.

`stt/` and `tts/` have those of the core's engines, and the modules beside them the functions that these files name.
Plugins and other packages name theirs under the entry point group `hushd.engine_specs`, as `package:FILE.json`, or
`module:SPEC` for an `EngineSpec` made by code. To add an engine is to add such a file and the class that it names.

Import, languages, recommendation, completion and installation hints all read specs, and name no engine
themselves. `find` reads one file, and looks at other packages only if hushd has no engine of that name; `every` reads
all.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from functools import cache

from hushd_protocol.names import SPEECH_ROLES

from hushd_schema.entry_points import entry_points

from .spec import LAST, EngineSpec, NoModel, OnCard, Recommended, Sizes, checked, graphs_on_card_mb, read

__all__ = [
    "GROUP", "LAST", "EngineSpec", "NoModel", "OnCard", "Recommended", "Sizes", "added", "every", "find", "get",
    "graphs_on_card_mb", "own", "problems", "robotic",
]  # fmt: skip

GROUP = "hushd.engine_specs"
_FILE = ".json"
_HERE = os.path.dirname(__file__)


@cache
def own(role: str) -> tuple[str, ...]:
    """Returns the names of the core's engines of a role."""
    files = os.listdir(os.path.join(_HERE, role)) if role in SPEECH_ROLES else []
    return tuple(sorted(file.removesuffix(_FILE) for file in files if file.endswith(_FILE)))


def find(name: str, role: str = "") -> EngineSpec | None:
    """Returns the spec of an engine; None if there is none, or another package's spec cannot be read."""
    for each in (role,) if role else SPEECH_ROLES:
        if name in own(each):
            return _own(each, name)
    return next((spec for spec in added() if spec.name == name and role in ("", spec.role)), None)


def get(name: str, role: str = "") -> EngineSpec:
    """Returns the spec of an engine that there is, for the engine itself."""
    spec = find(name, role)
    assert spec is not None, name
    return spec


def every(role: str = "") -> tuple[EngineSpec, ...]:
    """Returns all specs, the core's and other packages', sorted by `rank`."""
    specs = [_own(each, name) for each in SPEECH_ROLES for name in own(each)]
    taken = {(spec.role, spec.name) for spec in specs}
    specs += [spec for spec in added() if (spec.role, spec.name) not in taken]
    return tuple(spec for spec in sorted(specs, key=lambda spec: (spec.role, spec.rank)) if role in ("", spec.role))


def robotic(name: str) -> bool:
    """Returns whether a text-to-speech engine sounds like a machine."""
    spec = find(name, "tts")
    return spec is not None and spec.robotic


def added() -> tuple[EngineSpec, ...]:
    """Returns the specs of other packages, as far as they can be read."""
    return _added(tuple(sys.path))[0]


def problems() -> Mapping[str, str]:
    """Returns the entry points of other packages that cannot be read or are not specs, with the reasons."""
    return _added(tuple(sys.path))[1]


@cache
def _own(role: str, name: str) -> EngineSpec:
    return read(os.path.join(_HERE, role, name + _FILE))


@cache
def _added(path: tuple[str, ...]) -> tuple[tuple[EngineSpec, ...], Mapping[str, str]]:
    specs, failed = [], {}
    for point, target in entry_points(GROUP).items():
        try:
            specs.append(_of_package(target))
        except Exception as error:  # another package's module may raise anything
            failed[point] = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return tuple(specs), failed


def _of_package(target: str) -> EngineSpec:
    """Returns the spec of an entry point: `package:FILE.json`, or `module:SPEC`."""
    package, _, name = target.partition(":")
    module = importlib.import_module(package)
    if name.endswith(_FILE):
        return read(os.path.join(os.path.dirname(module.__file__ or ""), name))
    return checked(getattr(module, name))

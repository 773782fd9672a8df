"""Which engines there are: those of the entry point group `hushd.stt_engines`, hushd's own and other packages'."""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest

from .engine import Engine

GROUP = "hushd.stt_engines"


def find(name: str) -> type[Engine]:
    """The engine called `name`.

    Raises:
        HushdError: `engine_missing` when there is none of that name, or its package does not import.
    """
    points = _points()
    if name not in points:
        raise HushdError(
            "engine_missing",
            f"There is no speech-to-text engine {name!r}: {_meant(name, list(points))} "
            "Engines come with hushd's extras: pip install 'hushd[stt]'.",
        )
    try:
        return _load(points[name])
    except Exception as error:
        raise HushdError(
            "engine_missing",
            f"The speech-to-text engine {name!r} does not import ({_first_line(error)}): reinstall its package.",
        ) from error


def model_name(engine: type[Engine], name: str) -> str:
    """The model of `engine` meant by `name`; `default` means its default one.

    Raises:
        HushdError: `model_missing` when the engine has none of that name.
    """
    names = [model.name for model in engine.models()]
    if name == "default":
        return engine.INFO.default_model
    if name in names:
        return name
    from hushd_models import user_models  # not needed for what is right

    raise user_models.missing(f"{engine.INFO.name}/{name}") or HushdError(
        "model_missing", f"The engine {engine.INFO.name!r} has no model {name!r}: {_meant(name, names)}"
    )


def describe() -> dict[str, Any]:
    """What `--describe` prints. An engine that does not import is left out, and named on stderr."""
    engines = []
    for name, point in sorted(_points().items()):
        try:
            engines.append(_description(_load(point)))
        except Exception as error:
            print(f"hushd: the engine {name!r} does not import ({_first_line(error)}).", file=sys.stderr)
    return {"role": "stt", "version": __version__, "engines": engines}


def _description(engine: type[Engine]) -> dict[str, Any]:
    description = asdict(engine.INFO) | {"models": [asdict(model) for model in engine.models()]}
    for model in description["models"]:
        model["installed"] = engine.installed(model["name"])
    description["installed"] = any(model["installed"] for model in description["models"])
    return description


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> type[Engine]:
    engine = point.load()
    if not (isinstance(engine, type) and issubclass(engine, Engine)):
        raise TypeError(f"{point.value} is no subclass of hushd_worker_stt.engine.Engine")
    return engine


def _meant(name: str, known: list[str]) -> str:
    if close := nearest(name, known):
        return f"did you mean {close!r}?"
    return f"there is {', '.join(sorted(known))}." if known else "none is installed."


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

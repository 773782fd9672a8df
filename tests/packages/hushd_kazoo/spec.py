"""The spec of an engine that hushd knows nothing of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_schema.engines import EngineSpec, Files, NoModel, NotAlike, Precisions, Recognition, Recommended
from hushd_schema.engines.model_files import content, described


def _look(path: Path, name: str) -> Files:
    if path.suffix != ".kazoo":
        raise NotAlike("it is no kazoo")
    if "reeds" not in described(path):
        raise NoModel(f"{path.name} has no reeds")
    return {f"{name}.kazoo": path}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(content(folder / files[0])["languages"])


SPEC = EngineSpec(
    name="kazoo",
    role="stt",
    engine="hushd_kazoo.engine:Kazoo",
    default_model="concert",
    packages=("kazoo_amplifier",),
    requirement="hushd-kazoo[loud]",
    brings="kazoo, which hums",
    models={
        "concert": {
            "languages": "tlh",
            "size_mb": 3,
            "memory_mb": 60,
            "licence": "MIT",
            "layout": "kazoo",
            "repository": "kazoos/concert",
            "aliases": ["loud"],
        }
    },
    layouts={"kazoo": {"files": [["{name}.kazoo"]]}},
    own="*.kazoo",
    flat=True,
    format="kazoo",
    recognition=Recognition(look=_look, kind="kazoos (.kazoo)"),
    languages=_languages,
    precisions=Precisions(
        names=("wood",), package="kazoo-carver", requirement="kazoo-carver", module="hushd_kazoo.carve"
    ),
    recommended=(Recommended(model="concert", gain="the only one that hears Klingon"),),
)

"""Everything about the engine that hushd knows without running it. Import nothing heavy here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_schema.engines import EngineSpec
from hushd_schema.engines.model_files import content


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """The languages that a model's files name."""
    (file,) = (file for file in files if file.endswith(".pitch"))
    return tuple(content(folder / file)["languages"])


SPEC = EngineSpec(
    name="pitch",
    role="stt",
    engine="hushd_pitch.engine:Pitch",
    default_model="tiny",
    packages=("numpy",),  # what has to be importable for it to run,
    requirement="hushd-pitch",  # and what pip installs for that
    streaming=True,  # quick enough for text while a person speaks
    own="*.pitch",  # a model is a file in its folder
    flat=True,
    format="pitch",
    languages=languages,
)

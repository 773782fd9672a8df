"""The engine: it says how high a voice is. Whatever is heavy is imported in `load`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_models import advice
from hushd_protocol.system import paths
from hushd_schema.engines.model_files import content
from hushd_worker_stt.engine import RATE, Engine, Model, Options, Segment

from .spec import SPEC, languages

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


class Pitch(Engine):
    SPEC = SPEC

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        return tuple(
            Model(file.stem, languages(file.parent, [file.name]), memory_mb=60)
            for file in sorted(folder().glob("*.pitch"))
        )

    @classmethod
    def installed(cls, model: str) -> bool:
        return find_spec("numpy") is not None and (folder() / f"{model}.pitch").is_file()

    def load(self, model: str, report: Callable[[str], None]) -> None:
        import numpy

        file = folder() / f"{model}.pitch"
        if not file.is_file():
            raise advice.missing(f"{SPEC.name}/{model}")
        self._numpy, self._least = numpy, float(content(file).get("least_hz", 0))
        self._stride = int(os.environ.get("PITCH_STRIDE", "1"))

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        seconds = len(samples) / RATE
        negative = self._numpy.signbit(samples[:: self._stride])
        hz = self._numpy.count_nonzero(negative[1:] != negative[:-1]) / 2 / seconds if len(samples) else 0.0
        if hz > self._least:
            yield Segment(0.0, seconds, f"{hz:.0f} Hz")


def folder() -> Path:
    """Returns the folder of its models."""
    return paths.find().models / SPEC.name

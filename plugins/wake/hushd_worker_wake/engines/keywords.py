"""Detects any phrase by sherpa-onnx's keyword spotter, with a model of the user's; Apache-2.0.

Only this module uses that part of the package's API. The library ends the process on many invalid files, and hangs on
others, so models are checked first. No published model could be tried: the tests' models are made by hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models import advice, catalogue
from hushd_models.installation import engine_command, engine_installed
from hushd_models.inventory import files_in
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.names import is_name
from hushd_protocol.system import paths
from hushd_schema.engines import NoModel, NotAlike
from hushd_worker.engine import Model

from hushd_worker_wake.engine import RATE, Detection, EngineInfo
from hushd_worker_wake.keyword_models import Described, described
from hushd_worker_wake.specs.keywords import SPEC

from .keyword_units import in_units

if TYPE_CHECKING:
    from hushd_worker_wake.engine import Listener

INSTALL = engine_command(SPEC)
THRESHOLD = 0.25  # the library's default
FRAME_S = 0.04  # a frame has at most one unit
BLANKS = 2  # frames without a unit, after which the library considers a phrase ended
REST = 12  # frames after which the same phrase counts again: the rest of its last sound is not another one
# The assumed time from a phrase's beginning to its first unit; not measured.
FIRST_UNIT_S = 0.5


class Keywords:
    """The engine. Its streams share the graphs; each one detects the phrases of one request."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._name = f"{SPEC.name}/{model}"

    @classmethod
    def info(cls) -> EngineInfo:
        package, folders = engine_installed(SPEC), _folders()
        models = tuple(
            Model(name, (), catalogue.memory_of_files(SPEC.name, files_in(folder)), embedded=False, installed=package)
            for name, folder in folders.items()
        )
        default = SPEC.default_model if SPEC.default_model in folders or not folders else min(folders)
        return EngineInfo(SPEC.name, package, INSTALL, default, models, (), any_phrase=True)

    def load(self, report: Callable[[str], None]) -> None:
        report(f"{SPEC.name} and its model {self._model}")
        self._folder = _place(self._model)
        try:
            self._described: Described | None = described(self._folder)
        except (NotAlike, NoModel, OSError) as error:
            if self._folder.is_dir():
                raise self._load_error(error) from error
            self._described = None
        try:
            import numpy.random  # noqa: F401  (first, by this one thread)
            import sherpa_onnx
        except (ImportError, OSError) as error:
            raise HushdError(
                "engine_missing", f"The engine {SPEC.name} does not load ({reason(error)}): {INSTALL}."
            ) from error
        if self._described is None:
            raise advice.missing(self._name)
        try:
            files = {role: str(self._folder / name) for role, name in self._described.files.items() if role != "bpe"}
            self._spotter = sherpa_onnx.KeywordSpotter(**files, keywords_file=os.devnull, num_threads=1)
        except Exception as error:
            raise self._load_error(error) from error

    def _load_error(self, error: Exception) -> HushdError:
        from hushd_worker.errors import load_error  # only needed after a failure

        return load_error(self._name, error, install=INSTALL, again=f"replace {self._folder} by a whole copy")

    def listener(self, words: Sequence[str], threshold: float | None) -> Listener:
        assert self._described
        if not words:
            raise HushdError("bad_request", f"{SPEC.name} detects any phrase: name some.")
        level = THRESHOLD if threshold is None else threshold
        lines = [
            f"{' '.join(in_units(self._name, self._folder, self._described, word))} #{level} @{number}"
            for number, word in enumerate(words)
        ]
        return Stream(self._spotter, "/".join(lines), words, self._described.step)


class Stream:
    """A stream of audio. The graphs run once in `step` frames of it."""

    def __init__(self, spotter: Any, keywords: str, words: Sequence[str], step: int) -> None:
        self._spotter, self._words, self._step = spotter, words, step
        self._stream = spotter.create_stream(keywords)
        self._samples = self._frames = 0  # received, and processed
        self._ends: dict[int, int] = {}  # the frames of phrases' last units, by the phrase's number

    def hear(self, samples: bytes) -> Iterator[Detection]:
        """See `Listener`."""
        import numpy as np

        self._samples += len(samples) // 2
        self._stream.accept_waveform(RATE, np.frombuffer(samples, "<i2").astype(np.float32) / 32768)
        while self._spotter.is_ready(self._stream):
            self._spotter.decode_stream(self._stream)
            self._frames += self._step
            result = self._spotter.keyword_spotter.get_result(self._stream)  # the package's own result lacks the times
            if result.keyword:
                self._spotter.reset_stream(self._stream)
                frames = [round(time / FRAME_S) for time in result.timestamps]
                if detection := self._detection(int(result.keyword), frames):
                    yield detection

    def _detection(self, number: int, frames: Sequence[int]) -> Detection | None:
        """Returns the phrase of this number with its units at `frames`; None if it was just detected.

        The library counts frames from some run of the graphs, and may restart, as after a silence. But it always
        considers a phrase ended in the run with the second frame after it.
        """
        latest = self._frames - 1 - BLANKS
        last = latest - (latest - frames[-1]) % self._step
        first = last - (frames[-1] - frames[0])
        rested, self._ends[number] = last - self._ends.get(number, -REST) >= REST, last
        if not rested:
            return None
        word, at = self._words[number], self._samples / RATE
        return Detection(word, word, at, None, at - last * FRAME_S, max(0.0, first * FRAME_S - FIRST_UNIT_S))

    def close(self) -> None:
        """See `Listener`."""
        self._stream = None


def _folders() -> dict[str, Path]:
    """Returns the folders of loadable models by name."""
    try:
        names = sorted(os.listdir(paths.find().models / SPEC.name))
    except OSError:
        names = []
    folders = {}
    for name in filter(is_name, names):
        try:
            described(_place(name))
        except (NotAlike, NoModel, OSError):
            continue  # loading it reports the error
        folders[name] = _place(name)
    return folders


def _place(model: str) -> Path:
    return paths.find().models / SPEC.name / model

"""The package `voxrt`: Parakeet Redux, in ternary weights, on a runtime in Rust.

It is always given a folder that exists, or else it would download a model itself. Its own stream returns an utterance
only after the pause that follows it; so drafts come from `transcribe`, whose words are the same.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models import advice
from hushd_models.installation import engine_installed
from hushd_models.inventory import Row, of_engine
from hushd_models.store import Store
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import paths
from hushd_schema.engines.stt.voxrt import FILES, SPEC
from hushd_worker.compute_device import threads
from hushd_worker.errors import check_files, load_error
from hushd_worker.quick_start import read_ahead

from hushd_worker_stt.engine import RATE, Engine, EngineInfo, ModelInfo, Options, PieceLength, Segment, Word

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_LOOK_S = 0.1  # between two checks for a cancel
_MIN_SAMPLES = RATE // 2  # a shorter piece is padded with silence: below 160 samples the runtime panics
_PANIC = "the runtime panicked: "
_DAMAGED = (_PANIC, "json: ", "model format: ", "safetensors: ")  # the beginnings of errors of a model's files


class Voxrt(Engine):
    """The engine `voxrt`. Its model detects the language itself, and does not report it."""

    INFO = EngineInfo.of(SPEC, streaming=True, word_times=True, options=())
    PIECE = PieceLength(10.0, 20.0)
    PIECE_ECONOMY = PieceLength(5.0, 10.0)  # attention takes memory with the square of the piece

    @classmethod
    def models(cls) -> tuple[ModelInfo, ...]:
        known = {model.name: model for model in cls.INFO.models}
        own = (ModelInfo(row.model.partition("/")[2], row.languages, row.memory_mb) for row in _rows() if row.usable)
        return tuple((known | {model.name: model for model in own}).values())

    @classmethod
    def installed(cls, model: str) -> bool:
        return engine_installed(SPEC) and _find(model) is not None

    @staticmethod
    def preload() -> None:
        """Imports the package, for a template; its threads begin with the first load."""
        _package()

    def load(self, model: str, report: Callable[[str], None]) -> None:
        folder = _find(model)
        if folder is not None:
            read_ahead([folder / "model.safetensors"])
        os.environ.setdefault("RAYON_NUM_THREADS", str(threads()))
        try:
            package = _package()
        except (ImportError, OSError) as error:
            raise HushdError(
                "engine_missing", f"The engine {SPEC.name!r} is not installed ({reason(error)}): {self.INFO.install}."
            ) from error
        if folder is None:
            raise advice.missing(f"{SPEC.name}/{model}")
        report("loading the model")
        try:
            check_files(folder)
            self._transcriber = _opened(package, folder)
        except (OSError, RuntimeError, ValueError) as error:
            raise load_error(
                f"{SPEC.name}/{model}", error, install=self.INFO.install, again=f"replace {folder} by a complete copy"
            ) from error

    def transcribe(self, samples: Samples, options: Options) -> Iterable[Segment]:
        import numpy as np

        duration = len(samples) / RATE
        padded = np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples))))
        result = self._call(lambda: self._transcriber.transcribe(padded, sample_rate=RATE))
        yield from _segments(result.segments, duration, word_times=options.word_times)

    def _call(self, function: Callable[[], Any]) -> Any:
        """Calls the package on another thread, while this one checks whether the client has gone.

        The package cannot be interrupted: its call ends first, within a second for a piece, and the process is whole.
        """
        outcome: list[Any] = []
        work = threading.Thread(target=lambda: outcome.append(_outcome(function)), name=SPEC.name, daemon=True)
        work.start()
        try:
            while work.is_alive():
                work.join(_LOOK_S)
                self.check()
        finally:
            work.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]


def _package() -> Any:
    import voxrt

    return voxrt


def _opened(package: Any, folder: Path) -> Any:
    """Returns the package's model.

    Raises:
        ValueError: a file is damaged.
    """
    try:
        return _unpanicked(lambda: package.Transcriber(str(folder), device="cpu"))
    except RuntimeError as error:
        if str(error).startswith(_DAMAGED):
            raise ValueError(f"{error}: a file is damaged") from error
        raise


def _outcome(function: Callable[[], Any]) -> Any:
    """Returns the result of `function`, or its error."""
    try:
        return _unpanicked(function)
    except BaseException as error:  # passed to the waiting thread
        return error


def _unpanicked(function: Callable[[], Any]) -> Any:
    """Calls the package, and raises RuntimeError where it panics, with an exception that only BaseException catches."""
    try:
        return function()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise RuntimeError(f"{_PANIC}{error}") from error
        raise


def _segments(segments: Iterable[Any], duration: float, *, word_times: bool) -> Iterator[Segment]:
    """Yields the package's segments with times inside a piece of `duration` seconds: they end at frames of 80 ms."""
    for segment in segments:
        if text := segment.text.strip():
            words = (Word(word.word, *_times(word, duration)) for word in segment.words)
            yield Segment(*_times(segment, duration), text, tuple(words) if word_times else ())


def _times(span: Any, duration: float) -> tuple[float, float]:
    start = min(max(0.0, span.start), duration)
    return start, min(max(start, span.end), duration)


def _rows() -> list[Row]:
    return of_engine(Store(paths.find()), SPEC.name)


def _find(model: str) -> Path | None:
    """Returns the folder of `model`: the user's own, hushd's, or one in Hugging Face's cache; None if there is none."""
    named = (row for row in _rows() if row.model == f"{SPEC.name}/{model}" and row.folder)
    row = next(named, None)
    return row.folder if row and set(FILES) <= set(row.files) else None

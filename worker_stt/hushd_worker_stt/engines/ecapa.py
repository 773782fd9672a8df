"""ECAPA-TDNN of the package `transcribe-cpp`: how likely a stretch of speech is in each of a hundred languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_schema.engines import langid
from hushd_schema.engines.stt.transcribe_cpp import SPEC

from . import ggml
from .tuned import threads

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples


class Ecapa:
    """A loaded model, on the CPU: 58 MB and the pages of its file for that of 107 languages, measured with weights at
    random, and 0.06 s of CPU for each second that it is given.

    Attributes:
        labels: the languages, as the model calls them.

    Raises:
        NoModel: the file is no such model.
        ImportError, OSError, RuntimeError: the package, or what it says of the file.
    """

    def __init__(self, file: Path) -> None:
        self.labels = langid.labels(file)  # before the library sees it
        package = ggml.package(cards=False)
        self._model = package.Model(str(file), backend="cpu")
        self._session = self._model.langid_session(n_threads=threads(SPEC.spare_cores))

    def likeliest(self, samples: Samples, labels: Sequence[str]) -> tuple[str, float, float]:
        """The likeliest of `labels`; its probability among these; and theirs together among all of the model's.

        Raises:
            RuntimeError: as the package does, also of weights that compute no number.
        """
        result = self._session.run(samples, allowed=labels)
        first = result.candidates[0]
        return first.code, first.p, result.allowed_mass

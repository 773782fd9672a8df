"""Identifies the language of speech among about a hundred, by ECAPA-TDNN of the package `transcribe-cpp`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hushd_worker.compute_device import threads
from hushd_worker_stt.engine import Samples

from . import ggml, langid
from .inventory import SPEC


class Ecapa:
    """A loaded model, on the CPU: for 107 languages, 58 MB and the pages of its file, measured with random weights, and
    0.06 s of CPU time for each second of audio.

    Attributes:
        labels: the model's names of the languages.

    Raises:
        NoModel: the file is not such a model.
        ImportError, OSError, RuntimeError: the package does not load, or refuses the file.
    """

    def __init__(self, file: Path) -> None:
        self.labels = langid.labels(file)  # read before the library reads the file
        package = ggml.package(cards=False)
        self._model = package.Model(str(file), backend="cpu")
        self._session = self._model.langid_session(n_threads=threads(SPEC.spare_cores))

    def likeliest(self, samples: Samples, labels: Sequence[str]) -> tuple[str, float, float]:
        """Returns the likeliest of `labels`; its probability among these; and their total probability among all of the
        model's. Raises RuntimeError as by the package, also for weights that produce NaN."""
        result = self._session.run(samples, allowed=labels)
        first = result.candidates[0]
        return first.code, first.p, result.allowed_mass

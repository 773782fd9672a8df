"""A model of microWakeWord's, loaded by its package and run without that.

The package computes an exact mean of fractions and makes arrays anew for each 10 ms: to wait for two words costs 0.45 %
of a core with it, and 0.30 % without, of which 0.20 are the features' and the models'. And it takes a feature that is
too loud for the softest. A test compares the two on the installed release.

What is taken from the package and not documented there, for releases of 2: a model's `interpreter`, `input_tensor`,
`output_tensor`, their scales, zero points and types, and `lib`, the functions of TensorFlow Lite as declared there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pymicro_wakeword import MicroWakeWord


class MicroModel:
    """A model and what it remembers of one stream.

    Attributes:
        cutoff: the probability above which its makers take the word for said.
    """

    def __init__(self, description: Path) -> None:
        self._package = package = MicroWakeWord.from_config(description)
        self.cutoff: float = package.probability_cutoff
        self._most = np.iinfo(package.input_dtype).max
        self._size = package.lib.TfLiteTensorByteSize(package.input_tensor)  # also of features: a byte each
        self._features: list[float] = []
        self._output = np.zeros(package.lib.TfLiteTensorByteSize(package.output_tensor), package.output_dtype)
        self._place = self._output.ctypes.data
        self._probabilities: deque[float] = deque(maxlen=package.sliding_window_size)

    def probability(self, features: Sequence[float]) -> float:
        """Takes the features of the next 10 ms; returns the mean of the last probabilities, 0 before there are any.

        Between two runs of the model, which takes those of 30 ms at once, it is 0, too.
        """
        self._features += features
        if len(self._features) < self._size:
            return 0.0
        package = self._package
        levels = np.rint(np.array(self._features) / package.input_scale + package.input_zero_point)
        self._features.clear()
        data = np.minimum(levels, self._most).astype(package.input_dtype).tobytes()
        package.lib.TfLiteTensorCopyFromBuffer(package.input_tensor, data, len(data))
        package.lib.TfLiteInterpreterInvoke(package.interpreter)
        package.lib.TfLiteTensorCopyToBuffer(package.output_tensor, self._place, self._output.nbytes)
        self._probabilities.append((int(self._output[0]) - package.output_zero_point) * package.output_scale)
        if len(self._probabilities) < package.sliding_window_size:
            return 0.0
        return sum(self._probabilities) / len(self._probabilities)

    def close(self) -> None:
        """Frees the model. Safe to call twice."""
        self._package.close()

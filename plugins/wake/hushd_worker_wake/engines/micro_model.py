"""A microWakeWord model, loaded by its package, but run without it.

The package computes an exact mean of fractions and allocates arrays for each 10 ms: two words take 0.45 % of a core
with it, and 0.30 % without, of which the features and the models take 0.20. And it treats a feature that is too loud as
the softest. A test compares the two on the installed release.

Undocumented attributes of the package that are used, for releases of 2: a model's `interpreter`, `input_tensor`,
`output_tensor`, their scales, zero points and types, and `lib`, the functions of TensorFlow Lite as declared there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pymicro_wakeword import MicroWakeWord


class MicroModel:
    """A model with its state of one stream.

    Attributes:
        cutoff: the probability above which its makers consider the word said.
    """

    def __init__(self, description: Path) -> None:
        self._package = package = MicroWakeWord.from_config(description)
        self.cutoff: float = package.probability_cutoff
        self._most = np.iinfo(package.input_dtype).max
        self._size = package.lib.TfLiteTensorByteSize(package.input_tensor)  # also the number of features, a byte each
        self._features: list[float] = []
        self._output = np.zeros(package.lib.TfLiteTensorByteSize(package.output_tensor), package.output_dtype)
        self._output_address = self._output.ctypes.data
        self._probabilities: deque[float] = deque(maxlen=package.sliding_window_size)

    def probability(self, features: Sequence[float]) -> float:
        """Takes the features of the next 10 ms; returns the mean of the last probabilities, 0 before there are any.

        It is also 0 between two runs of the model, which takes the features of 30 ms at once.
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
        package.lib.TfLiteTensorCopyToBuffer(package.output_tensor, self._output_address, self._output.nbytes)
        self._probabilities.append((int(self._output[0]) - package.output_zero_point) * package.output_scale)
        if len(self._probabilities) < package.sliding_window_size:
            return 0.0
        return sum(self._probabilities) / len(self._probabilities)

    def close(self) -> None:
        """Frees the model. Safe to call twice."""
        self._package.close()

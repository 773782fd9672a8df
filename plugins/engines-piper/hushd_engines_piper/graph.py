"""A voice's graph on ONNX Runtime: from phonemes to sound, in stretches where the graph can be parted.

A stretch is as long as can be computed well before the one before it has been played, so that a sentence begins early
and has no gap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_worker import compute_device
from hushd_worker.onnx_session import without_weights
from hushd_worker_tts.engines.phoneme_voices import session

from . import seam

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

# Frames; most voices have 86 a second. The first stretch is half a second, and the longest is computed in the time
# for which a cancelled job may go on.
FIRST_STRETCH, SHORTEST_STRETCH, LONGEST_STRETCH = 40, 20, 400


class Graph:
    """The graph in a file, on the configured device. Raises any error of the runtime, as `run` does.

    Args:
        rate: the voice's sample rate, Hz.
        clock: seconds, for the pace of computing.

    Attributes:
        sessions: those of ONNX Runtime.
    """

    def __init__(self, path: Path, rate: int, clock: Callable[[], float] = time.perf_counter) -> None:
        import onnxruntime

        self._rate, self._clock = rate, clock
        path = path.resolve()  # the runtime takes weights from the folder that a file is really in
        # A card computes a sentence in the time that a part takes.
        on_cpu = compute_device.of_onnxruntime(onnxruntime) == "cpu"
        self._seam = seam.find(without_weights(path) or path.read_bytes()) if on_cpu else None
        parts = (None,) if self._seam is None else (self._seam.text, self._seam.decoder)
        self.sessions = [session(path, part) for part in parts]

    def run(self, inputs: Mapping[str, Any]) -> tuple[Any, int, Iterator[Samples]]:
        """Computes the frames for numbers of phonemes; most of the work is done as their sound is taken.

        Returns:
            The frames of each number, of shape (n,), or None where the voice does not say; the samples of the whole;
            its sound, in float32 arrays of shape (n,).
        """
        first, *durations = self.sessions[0].run(None, dict(inputs))
        frames_of_each = durations[0].reshape(-1) if durations else None
        if self._seam is None:
            return frames_of_each, first.size, iter([first.reshape(-1)])
        return frames_of_each, first.shape[2] * self._seam.hop, self._stretches(first, self._seam)

    def _stretches(self, frames: Any, of: seam.Seam) -> Iterator[Samples]:
        import numpy as np

        made: list[Samples] = []  # kept back where a gap would follow
        begin, length, last = 0, FIRST_STRETCH, frames.shape[2]
        while begin < last:
            end = begin + length if begin + length + SHORTEST_STRETCH < last else last
            started = self._clock()
            before = max(begin - of.reach, 0)
            (sound,) = self.sessions[-1].run(None, {of.frames: frames[:, :, before : end + of.reach]})
            made.append(sound.reshape(-1)[(begin - before) * of.hop :][: (end - begin) * of.hop])
            took = (self._clock() - started) * self._rate / of.hop  # time as the frames that play meanwhile
            length = next_length(end - begin, of.reach, took)
            if length or end == last:
                yield np.concatenate(made)
                made = []
            begin, length = end, length or last


def next_length(length: int, reach: int, took: float) -> int:
    """Returns the frames of the next stretch, computed in half of the time for which the last one plays; 0 if so
    little time is of no use.

    Args:
        length: the frames of the last stretch.
        reach: the frames that are computed once more on either side of a stretch.
        took: the time of its computing, as the number of frames that play meanwhile.
    """
    computed = length + reach  # the first stretch, which has one side, has as many
    ready = int(length * computed / (2 * took)) - 2 * reach if took else LONGEST_STRETCH
    return min(ready, LONGEST_STRETCH) if ready >= SHORTEST_STRETCH else 0

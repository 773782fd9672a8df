"""A voice's graph on ONNX Runtime: from phonemes to sound, in stretches where the graph can be parted.

A stretch is as long as can be computed well before the sound ahead of it has been played, so that a sentence begins
early and has no gap. Each cut is dear: the frames on either side of it are computed twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_worker import compute_device
from hushd_worker.onnx_session import without_weights
from hushd_worker_tts.engines.phoneme_voices import session

from . import seam

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

# Frames; most voices have 86 a second. The first stretch is half a second if nothing sounds before it, and the longest
# is computed in the time for which a cancelled job may go on.
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
        self._pace = 1.0  # frames that are computed while one plays
        path = path.resolve()  # the runtime takes weights from the folder that a file is really in
        # A card computes a sentence in the time that a part takes.
        on_cpu = compute_device.of_onnxruntime(onnxruntime) == "cpu"
        self._seam = seam.find(without_weights(path) or path.read_bytes()) if on_cpu else None
        parts = (None,) if self._seam is None else (self._seam.text, self._seam.decoder)
        self.sessions = [session(path, part) for part in parts]

    def run(self, inputs: Mapping[str, Any], ahead_s: float = 0.0) -> tuple[Any, int, Iterator[Samples]]:
        """Computes the frames for numbers of phonemes; most of the work is done as their sound is taken.

        Args:
            ahead_s: seconds of sound that play before theirs.

        Returns:
            The frames of each number, of shape (n,), or None where the voice does not say; the samples of the whole;
            its sound, in float32 arrays of shape (n,).
        """
        started = self._clock()
        first, *durations = self.sessions[0].run(None, dict(inputs))
        frames_of_each = durations[0].reshape(-1) if durations else None
        if self._seam is None:
            return frames_of_each, first.size, iter([first.reshape(-1)])
        ahead = max(ahead_s - (self._clock() - started), 0.0) * self._rate / self._seam.hop
        return frames_of_each, first.shape[2] * self._seam.hop, self._stretches(first, self._seam, ahead)

    def _stretches(self, frames: Any, of: seam.Seam, ahead: float) -> Iterator[Samples]:
        import numpy as np

        made: list[Samples] = []  # kept back where a gap would follow
        begin, last = 0, frames.shape[2]
        length = next_length(ahead, of.reach, self._pace) if ahead else FIRST_STRETCH
        while begin < last:
            length = length or last
            end = begin + length if begin + length + SHORTEST_STRETCH < last else last
            started = self._clock()
            before = max(begin - of.reach, 0)
            (sound,) = self.sessions[-1].run(None, {of.frames: frames[:, :, before : end + of.reach]})
            made.append(sound.reshape(-1)[(begin - before) * of.hop :][: (end - begin) * of.hop])
            took = (self._clock() - started) * self._rate / of.hop  # time as the frames that play meanwhile
            ahead = max(ahead - took, 0.0) + end - begin
            self._pace = (min(end + of.reach, last) - before) / took if took else inf
            begin, length = end, next_length(ahead, of.reach, self._pace)
            if length or end == last:
                yield np.concatenate(made)
                made = []


def next_length(ahead: float, reach: int, pace: float) -> int:
    """Returns the frames of the next stretch, computed in half of the time for which those ahead of it play; 0 if so
    little time is of no use.

    Args:
        reach: the frames that are computed once more on either side of a stretch.
        pace: the frames that are computed while one plays.
    """
    ready = int(min(ahead * pace / 2, LONGEST_STRETCH + 2 * reach)) - 2 * reach
    return ready if ready >= SHORTEST_STRETCH else 0

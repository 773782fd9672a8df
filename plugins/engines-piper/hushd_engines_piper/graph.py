"""A voice's graph on ONNX Runtime: from phonemes to sound, in stretches where the graph can be parted.

A stretch is as long as can be computed well before the sound ahead of it has been played, so that a sentence begins
early and has no gap. A cut costs the frames on either side of it, which are computed twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, inf, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from hushd_worker import compute_device
from hushd_worker.onnx_session import without_weights
from hushd_worker_tts.engines.phoneme_voices import session

from . import seam

if TYPE_CHECKING:
    from hushd_worker_tts.engine import Samples

# Frames; most voices have 86 a second. The first stretch is half a second if nothing sounds before it. The longest is
# one message; a longer one takes more memory, and more time for a frame, since it does not fit into caches.
FIRST_STRETCH, SHORTEST_STRETCH, LONGEST_STRETCH = 40, 30, 128


class Graph:
    """The graph in a file, on the configured device. Raises any error of the runtime, as `run` does.

    Args:
        rate: the voice's sample rate, Hz.
        clock: seconds, for the pace of computing.

    Attributes:
        sessions: those of ONNX Runtime.
    """

    def __init__(self, path: Path, rate: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._rate, self._clock = rate, clock
        self._pace = 1.0  # frames that are computed while one plays
        path = path.resolve()  # the runtime takes weights from the folder that a file is really in
        # A card computes a sentence in the time that a part takes.
        on_cpu = compute_device.of_onnxruntime(onnxruntime) == "cpu"
        parts = seam.find(without_weights(path) or path.read_bytes()) if on_cpu else None
        self._decoder: Sequence[seam.Part]
        text, self._decoder = parts or (None, ())
        self.sessions = [session(path, part) for part in (text, *(part.model for part in self._decoder))]

    def run(self, inputs: Mapping[str, Any], ahead_s: float) -> tuple[Any, int, Iterator[Samples]]:
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
        if not self._decoder:
            return frames_of_each, first.size, iter([first.reshape(-1)])
        hop = prod(part.rate for part in self._decoder)
        ahead = max(ahead_s - (self._clock() - started), 0.0)
        return frames_of_each, first.shape[2] * hop, self._stretches(first, ahead, self._rate / hop)

    def _stretches(self, frames: Any, ahead_s: float, a_second: float) -> Iterator[Samples]:
        coarse, fine = zip(self.sessions[1:], self._decoder, strict=True)
        rate = self._decoder[0].rate
        reach = ceil(self._decoder[1].reach / rate)
        made: list[Samples] = []  # kept back where a gap would follow
        begin, last, origin, ready, columns = 0, frames.shape[2], 0, 0, frames  # columns of frames origin to ready
        ahead = ahead_s * a_second
        length = next_length(ahead, self._pace) if ahead else FIRST_STRETCH
        while begin < last:
            end = begin + (length or LONGEST_STRETCH)
            end = end if end + SHORTEST_STRETCH < last else last
            started, behind = self._clock(), min(end + reach, last)
            if ready < behind:  # all of the rest where there is time, since a cut is dear here
                origin, ready = max(begin - reach, 0), behind if 0 < length < LONGEST_STRETCH else last
                columns = _made(*coarse, frames, origin, ready)
            made.append(_made(*fine, columns, (begin - origin) * rate, (end - origin) * rate)[0, 0])
            took = (self._clock() - started) * a_second  # time as the frames that play meanwhile
            ahead = max(ahead - took, 0.0) + end - begin
            self._pace = (end - begin) / took if took else inf
            begin, length = end, length and next_length(ahead, self._pace)
            if length or end == last:
                yield np.concatenate(made)
                made = []


def _made(session: Any, part: seam.Part, source: Any, begin: int, end: int) -> Any:
    """Returns what a part of the decoder makes of the columns of `source` from `begin` to `end`."""
    before = max(begin - part.reach, 0)
    given = source[:, :, before : end + part.reach]
    made = session.run(None, {part.given: given})[0].reshape(1, -1, given.shape[2] * part.rate)
    return made[:, :, (begin - before) * part.rate : (end - before) * part.rate]


def next_length(ahead: float, pace: float) -> int:
    """Returns the frames of the next stretch, computed in half of the time for which those ahead of it play; 0 if so
    little time is of no use. `pace`: the frames that are computed while one plays."""
    ready = int(min(ahead * pace / 2, LONGEST_STRETCH))
    return ready if ready >= SHORTEST_STRETCH else 0

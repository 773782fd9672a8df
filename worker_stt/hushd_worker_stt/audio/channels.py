"""The two channels of a recording, of which each has one person's voice, as a telephone call or an interview is kept.

`each_a_person` asks a recording, `without_echo` silences what a channel has of the other's voice, and `Channels` has
each of them read at its own pace. Blocks have a column for each channel, left and right, at 16 kHz.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from hushd_worker_stt.engine import RATE, Samples
from hushd_worker_stt.segmentation.pieces import frames
from hushd_worker_stt.segmentation.vad import FRAME, Detector

from .inlet import Inlet, Mixdown, sane
from .level import LEVEL_FRAME, SILENT_LEVEL, frame_peaks
from .recording import Spool

if TYPE_CHECKING:
    from collections.abc import Sequence


# 12 dB: by so much a person is louder in the own channel; a pair of microphones has 6.
_OWN_CHANNEL_RATIO = 10 ** (12 / 20)
_ALIKE_SHARE = 0.05  # share of the frames with sound: channels that differ in fewer are alike
_CHANNELS_COMPARED_S = 60.0  # seconds that are compared at the beginning of a recording
_ALIKE_S = 10.0  # seconds of sound in which hardly a frame is in one channel alone
_OWN_FRAMES = 31  # frames of speech a second that one channel alone has
_SURE_FRAMES = 156  # the same in each, 5 s, after which nothing changes


class Apart(Mixdown):
    """Leaves two channels as they are; `pairs` is false once a block had another number, and became two equal ones."""

    pairs = True

    def __call__(self, block: Samples, layout: Sequence[str] = ()) -> Samples:
        if block.shape[1] == 2:
            return sane(block)
        self.pairs = False
        return np.repeat(super().__call__(block, layout)[:, None], 2, axis=1)


class PairInlet(Inlet):
    """An inlet of two channels."""

    def __init__(self, rate: int) -> None:
        self._inlets = Inlet(rate), Inlet(rate)

    def push(self, samples: Samples) -> Samples:
        return np.stack([inlet.push(samples[:, n]) for n, inlet in enumerate(self._inlets)], axis=1)

    def flush(self) -> Samples:
        return np.stack([inlet.flush() for inlet in self._inlets], axis=1)


def each_a_person(blocks: Iterable[Samples], *, asked: bool) -> bool:
    """Returns whether each channel has a person of its own: both speak alone for a second in the first minute, and for
    longer so than together. Most recordings in stereo are found alike after 10 s of sound, without a detector.
    `asked`: whether the channels are to be heard apart anyway, unless they are alike."""
    own, together, sounding, far = np.zeros(2, int), 0, 0, 0
    detectors: list[Detector] = []
    with ExitStack() as stack:
        for number, pair in enumerate(frames(blocks)):
            if number * FRAME >= _CHANNELS_COMPARED_S * RATE or len(pair) < FRAME or own.min() >= _SURE_FRAMES:
                break
            levels = np.abs(pair).max(axis=0)
            louder = int(np.argmax(levels))
            alone = levels[louder] >= _OWN_CHANNEL_RATIO * levels[1 - louder]
            sounding += int(levels[louder] >= SILENT_LEVEL)
            far += int(alone and levels[louder] >= SILENT_LEVEL)
            if sounding * FRAME >= _ALIKE_S * RATE and far < _ALIKE_SHARE * sounding:
                return False
            if asked or far < _ALIKE_SHARE * sounding:
                continue
            # Most recordings need none, and two take 60 ms to load.
            detectors = detectors or [stack.enter_context(Detector()) for _ in range(2)]
            speaks = [detector(np.ascontiguousarray(pair[:, n])) > 0 for n, detector in enumerate(detectors)]
            if alone:
                own[louder] += speaks[louder]
            else:
                together += all(speaks)
    if asked:
        return far >= _ALIKE_SHARE * max(1, sounding)
    return bool(own.min() >= _OWN_FRAMES and own.sum() > together)


_ECHO_STEP = LEVEL_FRAME  # samples whose peak is compared, 20 ms
_ECHO_WINDOW_STEPS = 500  # steps that are judged together, 10 s
_ECHO_AROUND_STEPS = 15  # steps before and after them, 0.3 s
_OWN_AROUND_STEPS = 10  # steps, 0.2 s, around a channel's own speech that stay as they are
_ECHO_RATIOS = 3000  # ratios, of a minute of speech
_LEAST_ECHO_SHARE = 0.2  # the share of the other's speech during which a channel has nothing but its echo
_ECHO_MARGIN = 10 ** (8 / 20)  # 8 dB by which an echo varies
_LOUDEST_ECHO = 0.25  # -12 dB, as in `_OWN_CHANNEL_RATIO`: more is not an echo


def without_echo(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yields `blocks` without the echo of one channel in the other, as a headset or a hybrid has it.

    The echo's loudness is learnt: it is what a channel has in the quieter fifth of the other's speech. Own speech in
    the same 0.4 s is kept, so that both may talk at once.
    """
    ratios = [np.zeros(0, np.float32)] * 2
    held, first, context = np.zeros((0, 2), np.float32), 0, _ECHO_AROUND_STEPS * _ECHO_STEP

    def judged(until: int) -> Samples:
        """Returns the samples from `first` to `until` of those held."""
        peaks = np.stack([frame_peaks(held[:, n]) for n in (0, 1)])
        gain = np.ones_like(held)
        for channel, other in ((0, 1), (1, 0)):
            loud = peaks[other] > max(SILENT_LEVEL, 0.1 * float(peaks[other].max()))
            seen = peaks[channel][loud] / peaks[other][loud]
            ratios[channel] = np.concatenate((ratios[channel], seen))[-_ECHO_RATIOS:]
            usual = np.quantile(ratios[channel], _LEAST_ECHO_SHARE) if len(ratios[channel]) else 0.0
            limit = min(_ECHO_MARGIN * float(usual), _LOUDEST_ECHO)
            echo = _around(peaks[channel], _OWN_AROUND_STEPS) < limit * _around(peaks[other], _ECHO_AROUND_STEPS)
            gain[:, channel] = np.repeat(1.0 - echo, _ECHO_STEP)[: len(held)]
        return (held * gain)[first:until]

    for block in blocks:
        held = np.concatenate((held, block))
        if len(held) >= first + _ECHO_WINDOW_STEPS * _ECHO_STEP + context:
            until = (len(held) - context) // _ECHO_STEP * _ECHO_STEP
            yield judged(until)
            held, first = held[until - context :], context
    if len(held) > first:
        yield judged(len(held))


def _around(peaks: Samples, steps: int) -> Samples:
    """Returns the highest of each peak and those up to `steps` away."""
    padded = np.pad(peaks, steps)
    highest: Samples = np.lib.stride_tricks.sliding_window_view(padded, 2 * steps + 1).max(axis=1)
    return highest


_PAIR_READ_BYTES = 8 * RATE  # a second of both channels


class Channels:
    """The channels of `blocks`, read one beside the other; what one of them has not read yet is in an unlinked file of
    the temporary folder, 460 MB for an hour. Raises `output_failed` if the temporary folder is full."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = iter(blocks)
        self._spool = Spool()
        self._written = 0

    def close(self) -> None:
        """Removes the file."""
        self._spool.file.close()

    def channel(self, number: int) -> Iterator[Samples]:
        """Yields the audio of a channel, 0 or 1."""
        at = 0
        while True:
            while at == self._written:
                if (block := next(self._blocks, None)) is None:
                    return
                data = block.astype(np.float32).tobytes()  # a channel gets the text that it gets alone
                self._spool.write(data)
                self._written += len(data)
            data = os.pread(self._spool.file.fileno(), _PAIR_READ_BYTES, at)
            at += len(data)
            yield np.frombuffer(data, np.float32).reshape(-1, 2)[:, number].copy()

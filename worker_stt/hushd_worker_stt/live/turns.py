"""Detectors of the end of a turn, by probability, and the pause after which a turn ends.

By sound smart-turn v3.2 by Daily judges that: a small model for 23 languages; BSD-2-Clause. Its weights (8.7 MB) are in
the wheel of `pipecat-ai`; nothing else of that package is used or imported."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from hushd_protocol.errors import reason

from hushd_worker_stt.engine import RATE
from hushd_worker_stt.live.turn_words import EVEN, STRONG, WEAK, finished

if TYPE_CHECKING:
    import numpy.typing as npt

    from hushd_worker_stt.engine import Samples

MAX_S = 2.0  # of quiet, after which even an unfinished turn ends
# Of smart-turn's probability, chosen on one half of the moments of `scripts/bench turn-ends`. If the text is finished,
# the model only outweighs it when it is certain; if the text tells nothing, half of the ends would count as unfinished
# with a limit of 0.95, and none with 0.9.
_SURE, _OPEN, _LIKELY_OPEN = 0.03, 0.5, 0.9


class TurnDetector(Protocol):
    """Estimates the probability that a turn is over. A detector serves one session."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        """Returns the probability that the speaker has finished; None if the detector cannot tell.

        Args:
            samples: the turn up to now, with the quiet so far.
            text: the recognised text of the turn.
            language: the language of the text; empty if unknown.
        """


class Sound(Protocol):
    """A model that judges by sound whether a turn is over, such as `SmartTurn`."""

    def probability(self, samples: Samples) -> float: ...


class TextDetector:
    """Judges by the words, without a model, in no time, for the languages of `open_words`."""

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        return finished(text, language)


class SoundDetector:
    """Judges by the words, and if these are finished or unknown, by the sound."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound

    def probability(self, samples: Samples, text: str, language: str) -> float | None:
        by_text = finished(text, language)
        if by_text is not None and by_text < EVEN:
            return by_text
        by_sound = self._sound.probability(samples)
        if by_text is not None:
            return STRONG if by_sound < _SURE else by_text
        return STRONG if by_sound < _OPEN else WEAK if by_sound < _LIKELY_OPEN else None


@cache
def detector() -> TurnDetector:
    """Returns the best installed detector that loads; the log tells why one does not load."""

    if (path := weights()) is None:
        return TextDetector()
    try:
        return SoundDetector(SmartTurn(path))
    except Exception as error:  # onnxruntime's exceptions share no other base
        print(f"smart-turn does not load from {path}: {reason(error)}", file=sys.stderr)
        return TextDetector()


def wait_s(probability: float | None, silence_s: float) -> float:
    """Returns the seconds of quiet after which a turn is over: `silence_s`, and for an unfinished turn up to `MAX_S`.

    It is never less than `silence_s`, so that a detector never cuts a speaker off earlier than silence alone; and it is
    `silence_s` if a detector cannot tell, or `silence_s` is longer than `MAX_S`. Between `EVEN` and `WEAK` it grows by
    equal ratios.
    """
    if probability is None or silence_s >= MAX_S:
        return silence_s
    share = min(1.0, max(0.0, (EVEN - probability) / (EVEN - WEAK)))
    return float(silence_s ** (1 - share) * MAX_S**share)


INSTALL = "pip install --no-deps pipecat-ai"
_FILE = Path("audio", "turn", "smart_turn", "data", "smart-turn-v3.2-cpu.onnx")
_WINDOW = 8 * RATE  # the model's input in samples
_FFT, _HOP, _BANDS = 400, 160, 80


def weights() -> Path | None:
    """Returns the model's file, if pipecat is installed, without importing pipecat."""
    spec = find_spec("pipecat")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / _FILE).is_file():
            return path
    return None


class SmartTurn:
    """The model, loaded permanently: 40 MB, and 80 ms of one core per decision."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session: Any = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])

    def probability(self, samples: Samples) -> float:
        """Returns the probability that the turn in `samples` is over, by the last 8 s."""
        (output,) = self._session.run(None, {"input_features": features(samples)[None]})
        return float(output[0, 0])


def features(samples: Samples) -> Samples:
    """Returns Whisper's input for the last 8 s: log energies of 80 mel bands by 800 steps of 10 ms.

    Shorter sound is padded with zeros before it. The samples are normalised by mean and variance first.
    """
    sound = samples[-_WINDOW:].astype(np.float32)
    sound = np.pad(sound, (_WINDOW - len(sound), 0))
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound.astype(np.float64), _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FFT + 1)[:-1])) ** 2
    energies = np.log10(np.maximum(1e-10, power @ _mel_filters())).T
    scaled: Samples = ((np.maximum(energies, energies.max() - 8.0) + 4.0) / 4.0).astype(np.float32)
    return scaled


@cache
def _mel_filters() -> npt.NDArray[np.float64]:
    """Returns Slaney's mel filters, bins of the spectrum by bands, each with the same area."""
    knee, step = 15.0, np.log(6.4) / 27.0  # linear below 1 kHz, which is 15 mel
    mels = np.linspace(0.0, knee + np.log(RATE / 2 / 1000) / step, _BANDS + 2)
    edges = np.where(mels < knee, mels * 200 / 3, 1000 * np.exp(step * (mels - knee)))
    bins = np.linspace(0, RATE / 2, _FFT // 2 + 1)[:, None]
    rise = (bins - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins) / np.diff(edges)[1:]
    filters: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rise, fall)) * 2 / (edges[2:] - edges[:-2])
    return filters

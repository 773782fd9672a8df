"""Gives all voices the same loudness: by a gain for each voice, constant during a job, and a limit on peaks.

A voice's loudness is a constant of its engine, or else it is measured over the first 30 s of its speech, and saved in
hushd's state folder. During a job a voice's gain never changes, so that the sentences keep their relative loudness. The
first sentence of an unknown voice is measured before it is sent, which takes 1 to 10 ms.
"""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from hushd_protocol.system import atomic_file, best_effort

if TYPE_CHECKING:
    import numpy.typing as npt

    from .engine import AudioChunk, Samples, Voice

    Powers = npt.NDArray[np.float64]

# LUFS of one channel. Played on two channels it is -16, the level of podcasts and speech assistants, so that a voice is
# as loud as other sound. At -23, the level of broadcasting, all voices would be half as loud.
TARGET_LUFS = -19.0
_MAX_DB = 15.0  # speech is never further from the target
_MAX_VOICES_REMEMBERED = 500  # voices that are remembered
_MAX_LOUDNESS_BYTES = 1_000_000  # far more than so many voices take
_ENOUGH_S = 30.0  # seconds of speech; a voice's sentences differ by 1 to 2 LU, means over this length by 0.2

_CEILING = 10 ** (-1 / 20)  # -1 dBFS
_KNEE = 0.7  # -3 dBFS; below it samples stay as they are


class Leveller:
    """Knows the loudness of an engine's voices, and measures unknown ones.

    Each job runs on its own thread, and several jobs may run at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._learned = _load(path)  # mean power and measured seconds of each voice
        self._changed = False
        self._lock = threading.Lock()
        self._job = threading.local()  # the gains of each thread's job

    def begin(self) -> None:
        """Begins a job, whose gains use the levels that are known now."""
        self._job.gains = {}

    def knows(self, voice: Voice) -> bool:
        """Returns whether `gain` needs no audio of `voice`; else it goes by all that its first chunk has."""
        return voice.name in self._job.gains or voice.loudness is not None or voice.name in self._learned

    def gain(self, voice: Voice, chunk: AudioChunk) -> float:
        """Returns the factor that brings `voice` to the target; `chunk` is its next audio."""
        gains: dict[str, float] = self._job.gains
        if voice.name not in gains:
            power = self._power(voice, chunk)
            decibels = TARGET_LUFS - lufs(power) if power else 0.0
            gains[voice.name] = float(10 ** (min(max(decibels, -_MAX_DB), _MAX_DB) / 20))
        return gains[voice.name]

    def learn(self, voice: Voice, chunk: AudioChunk) -> None:
        """Measures an unchanged chunk, unless enough of `voice` was measured already."""
        with self._lock:
            power, seconds = self._learned.get(voice.name, (0.0, 0.0))
            if voice.loudness is not None or seconds >= _ENOUGH_S:
                return
            heard = powers(chunk.samples, chunk.rate)
            if total := seconds + len(heard) * HOP_S:
                self._learned[voice.name] = (power * seconds + float(heard.sum()) * HOP_S) / total, total
                self._changed = True
                if len(self._learned) > _MAX_VOICES_REMEMBERED:
                    del self._learned[next(iter(self._learned))]

    def end(self) -> None:
        """Ends a job: saves the measured levels, if the folder is writable."""
        with self._lock:
            if self._changed:
                self._changed = False
                with best_effort.writing(self._path):
                    _save(self._path, self._learned)

    def _power(self, voice: Voice, chunk: AudioChunk) -> float:
        if voice.loudness is not None:
            return power_of(voice.loudness)
        if voice.name in self._learned:
            return self._learned[voice.name][0]
        heard = powers(chunk.samples, chunk.rate)
        return float(heard.mean()) if len(heard) else 0.0


def limit(samples: Samples) -> Samples:
    """Returns samples whose peaks are smoothly limited to -1 dBFS; samples below -3 dBFS are unchanged."""
    level = np.abs(samples)
    over = level > _KNEE
    if not over.any():
        return samples
    room = np.float32(_CEILING - _KNEE)
    limited = samples.copy()
    limited[over] = np.sign(samples[over]) * (_KNEE + room * np.tanh((level[over] - _KNEE) / room))
    return limited


def _load(path: Path) -> dict[str, tuple[float, float]]:
    """Returns the saved levels; none if the file is missing or damaged."""
    try:
        content = json.loads(atomic_file.read_regular(path, _MAX_LOUDNESS_BYTES))
        measured = {voice: (float(entry["lufs"]), float(entry["seconds"])) for voice, entry in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {voice: (power_of(loud), seconds) for voice, (loud, seconds) in measured.items() if abs(loud) < 100}


def _save(path: Path, learned: dict[str, tuple[float, float]]) -> None:
    content = {
        voice: {"lufs": round(lufs(power), 2), "seconds": round(seconds, 1)}
        for voice, (power, seconds) in learned.items()
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic_file.replace(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n", mode=0o600)


_LOUDNESS_BLOCK_S, HOP_S = 0.4, 0.1
_OFFSET = -0.691  # makes a sine of 997 Hz at full scale -3.01 LUFS
_SILENCE = 10 ** ((-70.0 - _OFFSET) / 10)  # blocks below -70 LUFS do not count,
_GATE = 0.1  # share of the mean: blocks 10 LU below the mean of the others do not count either
_DECAY_S = 0.1  # seconds for the filters to ring out


def powers(samples: Samples, rate: int) -> Powers:
    """Returns the K-weighted mean square of each audible block; blocks last 0.4 s and begin every 0.1 s.

    Samples shorter than a block are one block. The mean of the powers is the power of the whole; see `lufs`.
    """
    with np.errstate(all="ignore"):  # samples that are not numbers do not count
        blocks = _blocks(samples, rate)
    heard = blocks[blocks > _SILENCE]
    return heard[heard > heard.mean() * _GATE] if len(heard) else heard


def lufs(power: float) -> float:
    """Returns a mean of powers in LUFS; minus infinity for silence."""
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def power_of(loudness: float) -> float:
    """Returns the power of a loudness in LUFS."""
    return float(10 ** ((loudness - _OFFSET) / 10))


def _blocks(samples: Samples, rate: int) -> Powers:
    size = 1 << (len(samples) + round(_DECAY_S * rate)).bit_length()
    weighted = np.fft.irfft(np.fft.rfft(samples, size) * _response(size, rate), size)[: len(samples)]
    block, hop = round(_LOUDNESS_BLOCK_S * rate), round(HOP_S * rate)
    total = np.concatenate([[0.0], np.cumsum(weighted**2)])
    if len(samples) <= block:
        return total[-1:] / max(len(samples), 1)
    starts = np.arange(0, len(samples) - block + 1, hop)
    means: Powers = (total[starts + block] - total[starts]) / block
    return means


def _response(size: int, rate: int) -> npt.NDArray[np.float64]:
    """Returns the gain of the K-weighting at each frequency of a real FFT: a shelf of 4 dB for the head, a high-pass.

    The filters' frequencies, qualities and gains are those behind BS.1770's table for 48 kHz, for any rate. Their phase
    is ignored, since it does not change the power of a block.
    """
    cosine = np.cos(2 * np.pi / size * np.arange(size // 2 + 1))

    def power(first: float, second: float, third: float) -> npt.NDArray[np.float64]:
        """Returns the squared magnitude of first + second / z + third / z²."""
        around = first**2 + second**2 + third**2 - 2 * first * third
        squared: npt.NDArray[np.float64] = cosine * (2 * second * (first + third) + 4 * first * third * cosine)
        return squared + around

    k, q, high, middle = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196, 1.584865, 1.258720
    shelf = power(high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k)
    shelf /= power(1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    whole = 1 + k / q + k * k
    high_pass = power(1, -2, 1) / power(1, 2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole)
    response: npt.NDArray[np.float64] = np.sqrt(shelf * np.maximum(high_pass, 0))
    return response

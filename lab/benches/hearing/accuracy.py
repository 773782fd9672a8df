"""Word error rates on recordings of people, by Whisper's English normalisation."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import mean

import jiwer
import numpy as np
import soundfile
import soxr
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import Row, Samples, at_16_khz, recording, supervisor

SHIFTS, SHIFT = 12, 176  # beginnings, and samples between them: 11 ms
_REVERBERATION = 9600  # samples until a room is 60 dB quieter: 0.6 s

BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."


def wer(options: Namespace) -> Iterator[Row]:
    """Measures default settings on beckett.wav and on the clips of --audio DIR (NAME.ogg with NAME.txt), also
    degraded."""
    normalise = EnglishTextNormalizer()
    with supervisor(), Client() as client:
        heard = client.transcribe(recording("beckett.wav")).text
        rate = jiwer.wer(normalise(BECKETT), normalise(heard))
        yield Row("wer: beckett.wav", rate, "", "<= 0.15", ok=rate <= 0.15)
        clips = sorted(options.audio.glob("*-en-*.ogg")) if options.audio else []
        if not clips:
            yield Row("wer: clips", None, "", "<= 0.15", note="not measured: give --audio DIR")
            return
        texts = [normalise(clip.with_suffix(".txt").read_text()) for clip in clips]
        bare = Bare()
        what, note = f"wer: {len(clips)} clips", "floor: the engine as it comes"

        def heard_both(samples: Samples, subtype: str) -> tuple[str, str]:
            """Returns hushd's text, and the bare engine's."""
            file = BytesIO()
            soundfile.write(file, samples, 16_000, format="WAV", subtype=subtype)
            return normalise(client.transcribe(file.getvalue()).text), normalise(bare.text(samples))

        def rates(worsen: Callable[[Samples], Samples], subtype: str) -> tuple[float, float]:
            """Returns hushd's rate, and the bare engine's."""
            ours, floor = zip(*(heard_both(worsen(at_16_khz(clip)), subtype) for clip in clips), strict=True)
            return jiwer.wer(texts, list(ours)), jiwer.wer(texts, list(floor))

        for name, worsen, subtype, goal in _CONDITIONS:
            rate, floor = rates(worsen, subtype)
            ok = rate <= goal if goal else None
            yield Row(f"{what}{name}", rate, "", f"<= {goal}" if goal else "", floor, ok, note)
        for quieter in (0, 20, 30):
            pairs = []
            for first in range(len(clips)):
                order = [*clips[first:], *clips[:first]]
                said = " ".join([*texts[first:], *texts[:first]])
                pairs.append([jiwer.wer(said, text) for text in heard_both(_in_turn(order, quieter), "FLOAT")])
            rate, floor = (mean(column) for column in zip(*pairs, strict=True))
            yield Row(
                f"wer: one recording of all, every second reader {quieter} dB quieter", rate, "", "", floor, None, note
            )
        # With so few clips a word is a hundredth, and where audio begins decides about several.
        shifted = [rates(partial(_later, by=by), "FLOAT") for by in range(0, SHIFTS * SHIFT, SHIFT)]
        ours, floors = zip(*shifted, strict=True)
        note = f"{min(ours):.3f} to {max(ours):.3f}; {note}, {min(floors):.3f} to {max(floors):.3f}"
        yield Row(f"{what}, mean of {SHIFTS} beginnings", mean(ours), "", "", mean(floors), None, note)


def _later(samples: Samples, by: int) -> Samples:
    return np.concatenate((np.zeros(by, np.float32), samples))


def _noisy(samples: Samples) -> Samples:
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.float32(np.sqrt(np.mean(samples**2)) * 10 ** (-10 / 20))


def _telephone(samples: Samples) -> Samples:
    return soxr.resample(soxr.resample(samples, 16_000, 8_000), 8_000, 16_000)


def _rumbling(samples: Samples) -> Samples:
    """30 Hz at 10 dB below full scale: wind, a lorry, a desk that is leant on."""
    return samples + (10 ** (-10 / 20) * np.sin(2 * np.pi * 30 / 16_000 * np.arange(len(samples)))).astype(np.float32)


def _clipped(samples: Samples) -> Samples:
    """The loudest sample is 20 dB above full scale."""
    return np.clip(samples / np.abs(samples).max() * np.float32(10), -1, 1)


def _reverberant(samples: Samples) -> Samples:
    """A room of 0.6 s, whose echoes are as loud together as what comes directly."""
    echoes = np.random.default_rng(0).standard_normal(_REVERBERATION)
    echoes *= 10 ** (-3 * np.arange(_REVERBERATION) / _REVERBERATION)
    echoes /= np.sqrt(np.sum(echoes**2))
    echoes[0] += 1
    heard = np.convolve(samples, echoes)[: len(samples) + _REVERBERATION // 2]
    return (heard / np.abs(heard).max() * np.abs(samples).max()).astype(np.float32)


def _in_turn(clips: Sequence[Path], quieter: float) -> Samples:
    """Returns the clips, one after another, each second one that many dB quieter than the others."""
    pieces = []
    for number, clip in enumerate(clips):
        samples = at_16_khz(clip)
        level = 0.05 * 10 ** (-quieter / 20 * (number % 2)) / np.sqrt(np.mean(samples**2))
        pieces += [samples * np.float32(level), np.zeros(8000, np.float32)]
    return np.concatenate(pieces)


# What is done to the clips, how they are stored, and the goal. 16 bits at -20 dB leave some of these clips 7 steps.
_CONDITIONS = (
    ("", lambda samples: samples, "FLOAT", 0.15),
    (", -20 dB", lambda samples: samples * np.float32(0.1), "FLOAT", 0.16),
    (", -20 dB, 16 bits", lambda samples: samples * np.float32(0.1), "PCM_16", None),
    (", noise 10 dB below", _noisy, "FLOAT", None),
    (", 20 dB of clipping", _clipped, "FLOAT", None),
    (", reverberation of 0.6 s", _reverberant, "FLOAT", None),
    (", through 8 kHz", _telephone, "FLOAT", None),
    (", direct current of 0.3", lambda samples: samples + np.float32(0.3), "FLOAT", 0.2),
    (", rumble at -10 dB", _rumbling, "FLOAT", 0.2),
)


class Bare:
    """The engine through its own package."""

    def __init__(self) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber
        from moonshine_voice.utils import get_assets_path

        self._engine = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY)

    def text(self, samples: Samples) -> str:
        return " ".join(line.text for line in self._engine.transcribe_without_streaming(samples.tolist(), 16_000).lines)

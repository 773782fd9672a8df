"""Word error rates of the clips of --audio DIR with white and pink noise mixed in, beside the engine as it comes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from io import BytesIO

import jiwer
import numpy as np
import soundfile
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import Row, supervisor
from .accuracy import Bare, Samples, at_16_khz

SEEDS = (0, 1)
RATIOS_DB = (20, 10, 5)  # of the speech over the noise


def noise(options: Namespace) -> Iterator[Row]:
    """Clips of --audio DIR (NAME-en-N.ogg with NAME-en-N.txt) in white and in pink noise, two seeds of each."""
    clips = sorted(options.audio.glob("*-en-*.ogg")) if options.audio else []
    if not clips:
        yield Row("noise", None, "", note="not measured: give --audio DIR")
        return
    normalise, bare = EnglishTextNormalizer(), Bare()
    texts = [normalise(clip.with_suffix(".txt").read_text()) for clip in clips] * len(SEEDS)
    with supervisor(), Client() as client:
        for colour in ("white", "pink"):
            for ratio in RATIOS_DB:
                noisy = [mixed(at_16_khz(clip), colour, ratio, seed) for seed in SEEDS for clip in clips]
                ours = jiwer.wer(texts, [normalise(client.transcribe(_wav(samples)).text) for samples in noisy])
                floor = jiwer.wer(texts, [normalise(bare.text(samples)) for samples in noisy])
                yield Row(
                    f"noise: {colour}, {ratio} dB below", ours, "", "", floor, None, "floor: the engine as it comes"
                )


def mixed(samples: Samples, colour: str, ratio_db: float, seed: int) -> Samples:
    """`samples` with noise `ratio_db` below their power."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(samples)))
    if colour == "pink":
        spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    sound = np.fft.irfft(spectrum, len(samples))
    sound *= np.sqrt(np.mean(samples**2)) * 10 ** (-ratio_db / 20) / sound.std()
    return samples + sound.astype(np.float32)


def _wav(samples: Samples) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()

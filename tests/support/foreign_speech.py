"""A recording in a language that the embedded models do not know: French, by espeak-ng."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from hushd_worker_tts.engines.espeak_ng import EspeakNg

TEXT = (
    "Bonjour à tous. Nous allons parler aujourd'hui de la situation économique du pays, qui inquiète beaucoup de monde."
)


def french(path: Path) -> Path:
    """Writes it to `path`, a WAV file of 5.5 s, long enough to be judged."""
    engine = EspeakNg("all")
    engine.load(lambda note: None)
    voice = next(voice for voice in engine.voices() if voice.name == "espeak-fr")
    chunks = list(engine.synthesize(TEXT, voice, 1.0))
    soundfile.write(path, np.concatenate([chunk.samples for chunk in chunks]), chunks[0].rate)
    return path

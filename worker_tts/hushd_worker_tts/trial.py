"""`python -m hushd_worker_tts.trial ENGINE MODEL LANGUAGE FOLDER SENTENCE…` speaks each sentence into a file there,
`NUMBER.wav`, and prints JSON: `seconds` of the processor, `sound_s`, `memory_mb`. `hushd models shrink` compares two
precisions by it, and has it speak what others hear."""

from __future__ import annotations

import sys
import time
import wave
from pathlib import Path
from typing import Any

from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_worker.precision import answer, peak_mb

from .registry import REGISTRY

_RATE = 16_000  # of the silence where nothing was spoken


def spoken() -> JsonObject:
    """Returns what the model of the command line has spoken, by its voice for the language, else by any of its voices.

    Raises:
        HushdError: `engine_missing` or `model_missing`.
    """
    import numpy as np

    name, model, language, folder, *sentences = sys.argv[1:]
    kind = REGISTRY.find(name)
    usual, code = kind.info().default_voice, languages.code(language)
    voice = max(
        (each for each in kind.voices() if each.installed),
        key=lambda each: (each.model == model, languages.code(each.language) == code, each.name == usual),
    )
    engine: Any = kind(model)
    engine.economy, engine.check = False, lambda: None
    engine.load(lambda note: None)
    seconds = sound_s = 0.0
    for number, sentence in enumerate(sentences):
        begun = time.process_time()
        chunks = list(engine.synthesize(sentence, voice, 1.0))
        seconds += time.process_time() - begun
        rate = chunks[0].rate if chunks else _RATE
        samples = np.concatenate([np.zeros(rate // 10), *(chunk.samples for chunk in chunks)])
        sound_s += len(samples) / rate
        with wave.open(str(Path(folder) / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return {"seconds": seconds, "sound_s": sound_s, "memory_mb": peak_mb()}


if __name__ == "__main__":
    answer(spoken)

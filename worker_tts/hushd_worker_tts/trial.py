"""`python -m hushd_worker_tts.trial ENGINE MODEL LANGUAGE FOLDER SENTENCE…`: speaks each sentence into a file by one
model, and prints JSON: `seconds` of the processor, `sound_s`. `hushd models shrink` compares two precisions by it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_worker.precision import answer

from .engine import usual_voice
from .registry import REGISTRY

_RATE = 16_000  # samples a second of the silence where nothing was spoken


def speak(name: str, model: str, language: str, folder: str, *sentences: str) -> JsonObject:
    kind, code = REGISTRY.find(name), languages.code(language)
    voice = max(  # a voice of the language comes first
        (each for each in kind.voices() if each.installed),
        key=lambda each: (
            each.model == model,
            languages.code(each.language) == code,
            each.name == usual_voice(kind.SPEC, kind.models()),
        ),
    )
    engine = kind(model)
    engine.load(lambda note: None)
    seconds = sound_s = 0.0
    for number, sentence in enumerate(sentences):
        begun = time.process_time()
        chunks = list(engine.synthesize(sentence, voice, 1.0))
        seconds += time.process_time() - begun
        rate = chunks[0].rate if chunks else _RATE
        samples = np.concatenate([np.zeros(rate // 10), *(chunk.samples for chunk in chunks)])
        sound_s += len(samples) / rate
        np.save(Path(folder) / f"{number:03}-{rate}", samples.astype(np.float32))
    return {"seconds": seconds, "sound_s": sound_s}


if __name__ == "__main__":
    answer(speak)

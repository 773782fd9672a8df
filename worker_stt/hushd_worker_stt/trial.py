"""`python -m hushd_worker_stt.trial ENGINE MODEL LANGUAGE WAV…` hears recordings by one model and prints JSON: `texts`,
`seconds` of the processor, `sound_s`, `memory_mb`. `hushd models shrink` compares two precisions by it."""

from __future__ import annotations

import sys
import time
from typing import Any

from hushd_protocol import JsonObject
from hushd_worker.precision import answer, peak_mb

from .engine import RATE, Options
from .registry import REGISTRY


def heard() -> JsonObject:
    """Returns what the model of the command line hears.

    Raises:
        HushdError: `engine_missing` or `model_missing`.
    """
    import soundfile
    import soxr

    from .audio.level import normalise

    name, model, language, *files = sys.argv[1:]
    engine: Any = REGISTRY.find(name)()
    engine.load(model, lambda note: None)
    pieces = []
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32")
        pieces.append(normalise(soxr.resample(samples, rate, RATE), engine.LEVEL))
    # One hypothesis and no second try: what several find beyond it, they find in either precision.
    options = Options(language=language or None, beam=1, temperature=0.0)
    begun = time.process_time()
    texts = [" ".join(segment.text for segment in engine.transcribe(piece, options)) for piece in pieces]
    seconds = time.process_time() - begun
    sound_s = sum(map(len, pieces)) / RATE
    return {"texts": texts, "seconds": seconds, "sound_s": sound_s, "memory_mb": peak_mb()}


if __name__ == "__main__":
    answer(heard)

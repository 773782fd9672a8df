"""A comparison of models, as `hushd tune` keeps it."""

from __future__ import annotations

import json
from pathlib import Path

from hushd_schema import comparison
from hushd_schema.comparison import ComparedModel, ModelComparison

_MODELS = (
    ("transcribe-cpp/parakeet-tdt-0.6b-v3", 0.021, 0.004, 0.043, 8.6, 0.62, 912.0),
    ("faster-whisper/small", 0.034, 0.011, 0.061, 3.1, 1.9, 668.0),
    ("moonshine/tiny-en", 0.103, 0.061, 0.154, 30.2, 0.24, 311.0),
)
_WRONG = "the kettle [-whistled-]{+is old+} before [-anyone-] came <b>down</b>"
COMPARISON = ModelComparison(
    time=1_790_000_000.0,
    about="English, 20 sentences with 188 words",
    models=tuple(
        ComparedModel(
            model=model, rate=rate, low=low, high=high, speed=speed, first_s=first_s, memory_mb=memory_mb,
            wrong=(_WRONG,) * (number + 1), more=4 * number,
        )
        for number, (model, rate, low, high, speed, first_s, memory_mb) in enumerate(_MODELS)
    ),
    differences=(
        "May differ from transcribe-cpp/parakeet-tdt-0.6b-v3 by chance: faster-whisper/small.",
        "More wrong words than transcribe-cpp/parakeet-tdt-0.6b-v3, and not by chance: moonshine/tiny-en.",
    ),
    failed={"whisper/large-v3": "It needs 9.6 GB, more than the budget allows."},
)  # fmt: skip


def keep(state: Path) -> None:
    """Keeps it in a state folder."""
    path = comparison.path(state)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(COMPARISON.data(), ensure_ascii=False))
    path.chmod(0o600)

"""sherpa-onnx: Supertonic, Pocket TTS, Kitten, Matcha and other families of voices, in folders `sherpa-onnx/NAME`.

Names, sizes and licences of well-known models are from their makers' pages; none of these models was tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hushd_schema.engines import EngineSpec, Files, NotAlike, Recognition, Recommended, Sizes

if TYPE_CHECKING:
    from pathlib import Path

_MANY = "en ar bg cs da de el es et fi fr hi hr hu id it ja ko lt lv nl pl pt ro ru sk sl sv tr uk vi"
_LAYOUTS = {
    "supertonic": {
        "files": [
            [
                "duration_predictor*.onnx", "text_encoder*.onnx", "vector_estimator*.onnx", "vocoder*.onnx", "tts.json",
                "unicode_indexer.bin", "voice.bin",
            ]
        ],
        "optional": ["LICENSE*"],
    },
    "pocket": {
        "files": [
            [
                "lm_flow*.onnx", "lm_main*.onnx", "encoder*.onnx", "decoder*.onnx", "text_conditioner*.onnx",
                "vocab.json", "token_scores.json", "test_wavs/bria.wav",
            ]
        ],
        "optional": ["test_wavs/loona.wav", "LICENSE*"],
    },
    "styled": {"files": [["model*.onnx", "voices.bin", "tokens.txt"]], "optional": ["lexicon*.txt", "LICENSE*"]},
    "vits": {"files": [["*.onnx", "tokens.txt"]], "optional": ["lexicon*.txt", "MODEL_CARD"]},
}  # fmt: skip


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files, sherpa_models

    if not path.is_dir():
        raise NotAlike("it is not a folder")
    sherpa_models.described(path)
    return {name: file for name, file in model_files.all_in(path).items() if not name.startswith("espeak-ng-data/")}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    from hushd_schema.engines import sherpa_models

    languages = sherpa_models.described(folder).languages
    return tuple(tag for tag in languages if tag != sherpa_models.UNDETERMINED)


def _private_mb(size_mb: float) -> float:
    """Estimates Python, numpy, the library, a copy of the weights, and the runtime's memory for sentences.

    Measured with weights at random, sentences of ten words: 301 MB for a voice of piper's (63), 516 for kokoro (325).
    """
    return 40 + 1.1 * size_mb + min(3 * size_mb, 200)


def _memory_mb(files: Sizes) -> float:
    return _private_mb(sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6)


def _known(
    languages: str, size: int, licence: str, speed: str, layout: str, source: str, revision: str
) -> Mapping[str, Any]:
    return {
        "languages": languages, "size_mb": size, "memory_mb": round(_private_mb(size)), "licence": licence,
        "speed": speed, "layout": layout, "repository": source, "revision": revision,
    }  # fmt: skip


SPEC = EngineSpec(
    name="sherpa-onnx",
    role="tts",
    engine="hushd_worker_tts.engines.sherpa_onnx:SherpaOnnx",
    default_model="supertonic-3",
    rank=45,
    listed=85,
    packages=("sherpa_onnx", "numpy"),
    extra="sherpa-onnx",
    models={
        "supertonic-3": _known(
            _MANY, 145, "OpenRAIL-M", "medium", "supertonic",
            "csukuangfj2/sherpa-onnx-supertonic-3-tts-int8-2026-05-11", "cca5a0e6c96e1d2c720986bf7e75fcc81dee3ae4",
        ),
        "pocket": _known(
            "en", 200, "CC-BY-4.0; its recordings have their own", "medium", "pocket",
            "csukuangfj2/sherpa-onnx-pocket-tts-int8-2026-01-26", "main",
        ),
        "kitten-nano": _known(
            "en-US", 24, "Apache-2.0", "fast", "styled", "csukuangfj/kitten-nano-en-v0_2-fp16", "main"
        ),
        "vits-piper-en_US-lessac-medium": _known(
            "en-US", 63, "see rhasspy/piper-voices", "fast", "vits", "csukuangfj/vits-piper-en_US-lessac-medium", "main"
        ),
    },
    layouts=_LAYOUTS,
    own="*/*.onnx",
    recognition=Recognition(look=_look, order=28),
    languages=_languages,
    memory_mb=_memory_mb,
    cards=(),
    recommended=(
        Recommended(
            model="supertonic-3",
            gain="31 languages in ten styles from one model, without espeak-ng",
            rank=45,
        ),
    ),
)  # fmt: skip

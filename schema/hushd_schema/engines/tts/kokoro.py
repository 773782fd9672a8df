"""kokoro: 54 natural voices in nine languages from one model, `kokoro/NAME.onnx` beside `voices-v1.0.bin`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_schema.engines import (
    EngineSpec,
    Files,
    NoModel,
    NotAlike,
    Precisions,
    Recognition,
    Recommended,
    Sizes,
    copied_graphs,
)

if TYPE_CHECKING:
    from pathlib import Path

_LANGUAGES = "en-US en-GB es-ES fr-FR hi-IN it-IT ja-JP pt-BR zh-CN"
# Name, MB on disk and of a worker, and other repositories with it: speaches' end in the precision.
_SPEACHES = "speaches-ai/Kokoro-82M-v1.0-ONNX"
_MODELS = (
    ("kokoro-v1.0", 353, 298, ("hexgrad/Kokoro-82M", "onnx-community/Kokoro-82M-v1.0-ONNX", _SPEACHES)),
    ("kokoro-v1.0.fp16", 196, 246, (f"{_SPEACHES}-fp16",)),
    ("kokoro-v1.0.int8", 119, 220, (f"{_SPEACHES}-int8",)),
)
_VOICES = (
    (
        "en-US",
        "female",
        "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky",
    ),
    ("en-US", "male", "am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa"),
    ("en-GB", "female", "bf_alice bf_emma bf_isabella bf_lily"),
    ("en-GB", "male", "bm_daniel bm_fable bm_george bm_lewis"),
    ("es-ES", "female", "ef_dora"),
    ("es-ES", "male", "em_alex em_santa"),
    ("fr-FR", "female", "ff_siwis"),
    ("hi-IN", "female", "hf_alpha hf_beta"),
    ("hi-IN", "male", "hm_omega hm_psi"),
    ("it-IT", "female", "if_sara"),
    ("it-IT", "male", "im_nicola"),
    ("ja-JP", "female", "jf_alpha jf_gongitsune jf_nezumi jf_tebukuro"),
    ("ja-JP", "male", "jm_kumo"),
    ("pt-BR", "female", "pf_dora"),
    ("pt-BR", "male", "pm_alex pm_santa"),
    ("zh-CN", "female", "zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi"),
    ("zh-CN", "male", "zm_yunjian zm_yunxi zm_yunxia zm_yunyang"),
)


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    if path.suffix != ".onnx" or not path.is_file():
        raise NotAlike("it is not a graph, an .onnx file")
    model_files.check_graph(path)
    voices = sorted(path.parent.glob("voices*.bin"))
    if not voices:
        raise NoModel("kokoro's model has voices-v1.0.bin beside it")
    return {voices[-1].name: voices[-1], f"{name}.onnx": path}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(_LANGUAGES.split())


def _made(own: str, new: str, precision: str, graphs: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """Returns the files of a quantized model: its graph alone, since all models share the file of voices."""
    return {f"{new}.onnx": graphs[0]}


def _memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, phonemizer, and the copied part of the graph; the rest is mapped.

    Measured with weights at random, sentences of ten words: 278 MB for kokoro-v1.0 after one, 328 after three.
    """
    return 190 + 0.33 * sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6


SPEC = EngineSpec(
    name="kokoro",
    role="tts",
    engine="hushd_worker_tts.engines.kokoro:Kokoro",
    default_model="kokoro-v1.0",
    rank=20,
    listed=80,
    packages=("kokoro_onnx", "onnxruntime", "phonemizer"),
    extra="kokoro",
    models={
        name: {
            "languages": _LANGUAGES, "size_mb": size, "memory_mb": memory, "licence": "Apache-2.0", "speed": "medium",
            "layout": "kokoro", "url": "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0",
            "also": also,
        }
        for name, size, memory, also in _MODELS
    },
    layouts={"kokoro": {"files": [["{name}.onnx", "voices-v1.0.bin"]]}},
    voices=tuple({"language": language, "gender": gender, "names": names} for language, gender, names in _VOICES),
    own="*.onnx",
    flat=True,
    recognition=Recognition(look=_look, alone=False),  # a graph alone may be anything
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=copied_graphs,
    precisions=Precisions(files=_made),
    cards=("cuda", "rocm"),
    recommended=(
        Recommended(
            model="kokoro-v1.0",
            gain="54 natural voices in 9 languages; installs GPL-3.0 packages",
            rank=10,
        ),
        Recommended(model="kokoro-v1.0.int8", gain="the same voices, a third of the download", rank=20),
    ),
)  # fmt: skip

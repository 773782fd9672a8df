"""piper: neural voices in some fifty languages, files `piper/NAME.onnx` with `NAME.onnx.json`; GPL-3.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_schema.engines import (
    EngineSpec,
    Files,
    NoModel,
    NotAlike,
    Recognition,
    Recommended,
    Sizes,
    copied_graphs,
)

if TYPE_CHECKING:
    from pathlib import Path

# One voice of medium quality for each of the most requested languages; piper's collection has 150 more.
_MODELS = """
    ar_JO-kareem-medium ca_ES-upc_ona-medium cs_CZ-jirka-medium da_DK-talesyntese-medium de_DE-thorsten-medium
    el_GR-rapunzelina-low en_GB-alan-medium en_US-lessac-medium es_ES-davefx-medium fa_IR-amir-medium
    fi_FI-harri-medium fr_FR-siwis-medium hu_HU-anna-medium it_IT-paola-medium nl_NL-mls-medium
    no_NO-talesyntese-medium pl_PL-gosia-medium pt_BR-faber-medium ro_RO-mihai-medium ru_RU-irina-medium
    sv_SE-nst-medium tr_TR-dfki-medium uk_UA-ukrainian_tts-medium vi_VN-vais1000-medium zh_CN-huayan-medium
"""


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    if path.suffix != ".onnx" or not path.is_file():
        raise NotAlike("it is not a voice, an .onnx file")
    description = path.with_name(f"{path.name}.json")
    if not description.is_file():
        raise NoModel(f"a voice of piper's has {description.name} beside it")
    content = model_files.described(description)
    if "phoneme_id_map" not in content or "audio" not in content:
        raise NoModel(f"{description.name} does not describe a voice of piper's")
    model_files.check_graph(path)
    return {f"{name}.onnx.json": description, f"{name}.onnx": path}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    from hushd_schema.engines import model_files

    (name,) = (name for name in files if name.endswith(".onnx.json"))
    content = model_files.content(folder / name)
    tag = content.get("language", {}).get("code") or content.get("espeak", {}).get("voice", "")
    return (str(tag).replace("_", "-"),) if tag else ()


def _memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, espeak's data, and the graph's tensors; its weights are mapped.

    Measured with weights at random, a sentence of ten words: 212 and 218 MB for a voice of 63 MB.
    """
    return 150 + sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6


SPEC = EngineSpec(
    name="piper",
    role="tts",
    engine="hushd_worker_tts.engines.piper:Piper",
    default_model="en_US-lessac-medium",
    rank=30,
    listed=70,
    packages=("piper", "onnxruntime"),
    extra="piper",
    models={
        name: {
            "languages": name.partition("-")[0].replace("_", "-"), "size_mb": 63, "memory_mb": 213,
            "licence": "see rhasspy/piper-voices", "speed": "fast", "layout": "piper",
            "repository": "rhasspy/piper-voices", "also": (f"speaches-ai/piper-{name}",),
        }
        for name in _MODELS.split()
    },
    layouts={"piper": {"files": [["**/{name}.onnx", "**/{name}.onnx.json"]]}},
    own="*.onnx",
    flat=True,
    recognition=Recognition(look=_look, kind="piper's voices (.onnx)", order=50),
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=copied_graphs,
    cards=("cuda", "rocm"),
    recommended=(
        Recommended(
            model="*",
            gain="one natural voice of this language, quick on any processor; its package is GPL-3.0",
            rank=40,
        ),
    ),
)  # fmt: skip

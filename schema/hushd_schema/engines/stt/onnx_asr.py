"""The package `onnx-asr`: Parakeet, Canary, GigaAM, Vosk and Whisper on ONNX Runtime, folders `onnx-asr/NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hushd_schema.engines import (
    EngineSpec,
    Files,
    NoModel,
    NotAlike,
    OnCard,
    Precisions,
    Recognition,
    Recommended,
    Sizes,
    copied_graphs,
    word_errors,
)
from hushd_schema.engines.whisper_languages import ALL, ALL_BUT_YUE

if TYPE_CHECKING:
    from pathlib import Path

_CC, _APACHE = "CC-BY-4.0", "Apache-2.0"
_EUROPE = "en bg cs da de el es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk"
_FLASH, _GIGAAM = "en de es fr", "ru kk ky uz en"
# Name, languages, MB on disk, licence, speed, layout, and repository, of istupakov's unless it names another owner.
# fmt: off
_MODELS = (
    ("nemo-parakeet-tdt-0.6b-v3", _EUROPE, 670, _CC, "fast", "nemo-transducer", "parakeet-tdt-0.6b-v3-onnx"),
    ("nemo-parakeet-tdt-0.6b-v2", "en", 670, _CC, "fast", "nemo-transducer", "parakeet-tdt-0.6b-v2-onnx"),
    ("nemo-parakeet-rnnt-0.6b", "en", 670, _CC, "fast", "nemo-transducer", "parakeet-rnnt-0.6b-onnx"),
    ("nemo-parakeet-ctc-0.6b", "en", 600, _CC, "fast", "nemo-ctc", "parakeet-ctc-0.6b-onnx"),
    ("nemo-canary-1b-v2", _EUROPE, 978, _CC, "medium", "nemo-aed", "canary-1b-v2-onnx"),
    ("canary-1b-flash", _FLASH, 883, _CC, "medium", "nemo-aed", "canary-1b-flash-onnx"),
    ("canary-180m-flash", _FLASH, 182, _CC, "fast", "nemo-aed", "canary-180m-flash-onnx"),
    (
        "nemo-fastconformer-ru-rnnt", "ru", 115, _CC, "fast", "nemo-transducer",
        "stt_ru_fastconformer_hybrid_large_pc_onnx",
    ),
    ("nemo-fastconformer-ru-ctc", "ru", 115, _CC, "fast", "nemo-ctc", "stt_ru_fastconformer_hybrid_large_pc_onnx"),
    ("gigaam-v3-e2e-rnnt", "ru", 220, "MIT", "fast", "gigaam-v3-e2e-rnnt", "gigaam-v3-onnx"),
    ("gigaam-v3-e2e-ctc", "ru", 220, "MIT", "fast", "gigaam-v3-e2e-ctc", "gigaam-v3-onnx"),
    ("gigaam-v3-rnnt", "ru", 220, "MIT", "fast", "gigaam-v3-rnnt", "gigaam-v3-onnx"),
    ("gigaam-v3-ctc", "ru", 220, "MIT", "fast", "gigaam-v3-ctc", "gigaam-v3-onnx"),
    ("gigaam-v2-rnnt", "ru", 240, "MIT", "fast", "gigaam-v2-rnnt", "gigaam-v2-onnx"),
    ("gigaam-v2-ctc", "ru", 240, "MIT", "fast", "gigaam-v2-ctc", "gigaam-v2-onnx"),
    (
        "gigaam-multilingual-ctc", _GIGAAM, 220, None, "fast", "gigaam-multilingual-ctc",
        "gigaam-multilingual-ctc-onnx",
    ),
    (
        "gigaam-multilingual-large-ctc", _GIGAAM, 600, None, "fast", "gigaam-multilingual-ctc",
        "gigaam-multilingual-large-ctc-onnx",
    ),
    ("vosk-model-ru", "ru", 65, _APACHE, "fast", "kaldi", "alphacep/vosk-model-ru"),
    ("vosk-model-small-ru", "ru", 20, _APACHE, "fast", "kaldi", "alphacep/vosk-model-small-ru"),
    ("t-one", "ru", 71, _APACHE, "fast", "t-one", "t-tech/t-one"),
    ("whisper-base", ALL_BUT_YUE, 74, "MIT", "fast", "whisper-beamsearch", "whisper-base-onnx"),
    (
        "whisper-large-v3-turbo", ALL, 809, "MIT", "slow", "whisper-optimum",
        "onnx-community/whisper-large-v3-turbo",
    ),
)
# fmt: on
_TRANSLATING = (
    "nemo-parakeet-tdt-0.6b-v2",
    "nemo-parakeet-rnnt-0.6b",
    "nemo-parakeet-ctc-0.6b",
    "nemo-canary-1b-v2",
    "canary-1b-flash",
    "canary-180m-flash",
)  # fmt: skip


def _full(repository: str) -> str:
    return repository if "/" in repository else f"istupakov/{repository}"


def _layout(graphs: str, *beside: str) -> dict[str, Any]:
    """Returns the files of a model: its graphs, preferably quantised, and the files beside them."""
    quantised = [f"{graph}?int8.onnx" for graph in graphs.split()]
    full = [f"{graph}.onnx" for graph in graphs.split()]
    return {"files": [[*quantised, *beside], [*full, *beside]], "optional": ["config.json", "config.yaml"]}


_TOKENS = ("vocab.json", "added_tokens.json")
_LAYOUTS = {
    "nemo-ctc": _layout("model", "vocab.txt"),
    "nemo-transducer": _layout("encoder-model decoder_joint-model", "vocab.txt"),
    "nemo-aed": _layout("encoder-model decoder-model", "vocab.txt"),
    "kaldi": _layout("*/encoder */decoder */joiner", "*/tokens.txt"),
    "t-one": _layout("model"),
    "whisper-beamsearch": _layout("whisper-*_beamsearch", *_TOKENS),
    "whisper-optimum": _layout("onnx/encoder_model onnx/decoder_model_merged", *_TOKENS),
    "gigaam-v2-ctc": _layout("v2_ctc", "v2_vocab.txt"),
    "gigaam-v3-ctc": _layout("v3_ctc", "v3_vocab.txt"),
    "gigaam-multilingual-ctc": _layout("multilingual*_ctc", "multilingual_vocab.txt"),
    "gigaam-v3-e2e-ctc": _layout("v3_e2e_ctc", "v3_e2e_ctc_vocab.txt"),
    "gigaam-v2-rnnt": _layout("v2_rnnt_encoder v2_rnnt_decoder v2_rnnt_joint", "v2_vocab.txt"),
    "gigaam-v3-rnnt": _layout("v3_rnnt_encoder v3_rnnt_decoder v3_rnnt_joint", "v3_vocab.txt"),
    "gigaam-v3-e2e-rnnt": _layout("v3_e2e_rnnt_encoder v3_e2e_rnnt_decoder v3_e2e_rnnt_joint", "v3_e2e_rnnt_vocab.txt"),
}


def _resident_mb(size_mb: int) -> int:
    """Estimates an idle worker, including the pages of its model's files, most of which are mapped.

    Measured with weights at random, in MB: 781 for Parakeet in int8 (670 of files), 1,216 for Canary (978).
    """
    return 10 * round(9 + 0.115 * size_mb)


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import model_files

    graphs = sorted([*path.glob("*.onnx"), *path.glob("*/*.onnx")]) if path.is_dir() else []
    if not graphs:
        raise NotAlike("it is not a folder with graphs, .onnx files, in it")
    words = ("vocab.txt", "vocab.json", "tokens.txt", "config.json")
    if not any([*path.glob(word), *path.glob(f"*/{word}"), *path.glob(f"*_{word}")] for word in words):
        raise NoModel(f"it has graphs, but none of {', '.join(words)}, which say what they hear")
    for graph in graphs:
        model_files.check_graph(graph)
    return model_files.all_in(path)


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    import re

    from hushd_schema.engines import model_files

    named = model_files.content(folder / "config.json").get("languages") if "config.json" in files else None
    if isinstance(named, list) and named and all(isinstance(tag, str) for tag in named):
        return tuple(named)
    tokens = model_files.content(folder / "added_tokens.json") if "added_tokens.json" in files else {}
    return tuple(match[1] for token in tokens if (match := re.fullmatch(r"<\|([a-z]{2,3})\|>", token)))


_STEPS = "decoder", "joint", "beamsearch"  # in the names of graphs that run for each token


def _memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, and the graphs that run for each token; other graphs' weights are mapped.

    Measured with weights at random: 160 MB for Parakeet in int8, 166 in float32, 354 for Canary. Of a folder with both
    precisions the engine loads int8.
    """
    int8 = {name: size for name, size in files.items() if "int8" in name}
    steps = (size for name, size in (int8 or files).items() if any(word in name for word in _STEPS))
    return 90 + 1.2 * sum(steps) / 1e6


def _on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, to which all graphs are copied; there the engine prefers float32 to int8."""
    return copied_graphs({name: size for name, size in files.items() if "int8" not in name} or files)


SPEC = EngineSpec(
    name="onnx-asr",
    role="stt",
    engine="hushd_worker_stt.engines.onnx_asr:OnnxAsr",
    default_model="nemo-parakeet-tdt-0.6b-v3",
    rank=30,
    listed=40,
    packages=("onnx_asr", "onnxruntime"),
    extra="onnx-asr",
    models={
        name: {
            "languages": languages, "size_mb": size, "memory_mb": _resident_mb(size),
            "licence": licence or f"see {_full(place)}", "speed": speed, "translation": name in _TRANSLATING,
            "layout": layout, "repository": _full(place), **word_errors.of(name.removeprefix("nemo-")),
        }
        for name, languages, size, licence, speed, layout, place in _MODELS
    },
    layouts=_LAYOUTS,
    own="*/*.onnx",
    recognition=Recognition(look=_look, order=30),
    languages=_languages,
    memory_mb=_memory_mb,
    on_card_mb=_on_card_mb,
    precisions=Precisions(),
    cards=("cuda", "rocm"),
    recommended=(
        Recommended(
            model="nemo-parakeet-tdt-0.6b-v3",
            gain="25 of Europe's languages with punctuation, quick on a processor",
            rank=20,
        ),
        Recommended(
            model="nemo-canary-1b-v2",
            gain="25 of Europe's languages, where the request names the language; translates into English",
            rank=25,
        ),
        Recommended(model="gigaam-v3-e2e-rnnt", gain="Russian with punctuation, quick on a processor", rank=30),
    ),
)  # fmt: skip

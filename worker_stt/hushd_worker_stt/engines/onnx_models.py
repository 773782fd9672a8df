"""The models that `onnx-asr` knows, and those on this machine: where they are, and what they hear."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hushd_protocol import paths

from ..engine import ModelInfo
from . import hub
from .whisper_models import LANGUAGES

_UNDETERMINED = "und"  # ISO 639's word for a language that nobody has told us
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}", re.ASCII)

_EN, _RU = ("en",), ("ru",)
_FLASH = ("en", "de", "es", "fr")
_EUROPE = (
    "en", "bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt",
    "ro", "ru", "sk", "sl", "sv", "uk",
)  # fmt: skip
_GIGAAM = ("ru", "kk", "ky", "uz", "en")


@dataclass(frozen=True, slots=True)
class Known:
    """A model that the package can fetch. `weights` are the files without which it is not there."""

    repository: str  # on the Hugging Face hub
    weights: str
    languages: tuple[str, ...]
    millions: int  # of parameters, from its card
    by_repository: bool = False  # the package knows it under that name, not under ours


_TRANSDUCER, _CTC, _AED = "encoder-model*.onnx", "model*.onnx", "encoder-model*.onnx"
KNOWN = {
    "nemo-parakeet-tdt-0.6b-v3": Known("istupakov/parakeet-tdt-0.6b-v3-onnx", _TRANSDUCER, _EUROPE, 600),
    "nemo-parakeet-tdt-0.6b-v2": Known("istupakov/parakeet-tdt-0.6b-v2-onnx", _TRANSDUCER, _EN, 600),
    "nemo-parakeet-rnnt-0.6b": Known("istupakov/parakeet-rnnt-0.6b-onnx", _TRANSDUCER, _EN, 600),
    "nemo-parakeet-ctc-0.6b": Known("istupakov/parakeet-ctc-0.6b-onnx", _CTC, _EN, 600),
    "nemo-canary-1b-v2": Known("istupakov/canary-1b-v2-onnx", _AED, _EUROPE, 978),
    "canary-1b-flash": Known("istupakov/canary-1b-flash-onnx", _AED, _FLASH, 883, by_repository=True),
    "canary-180m-flash": Known("istupakov/canary-180m-flash-onnx", _AED, _FLASH, 182, by_repository=True),
    "nemo-fastconformer-ru-rnnt": Known("istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx", _TRANSDUCER, _RU, 115),
    "nemo-fastconformer-ru-ctc": Known("istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx", _CTC, _RU, 115),
    "gigaam-v3-e2e-rnnt": Known("istupakov/gigaam-v3-onnx", "v3_e2e_rnnt_encoder*.onnx", _RU, 220),
    "gigaam-v3-e2e-ctc": Known("istupakov/gigaam-v3-onnx", "v3_e2e_ctc*.onnx", _RU, 220),
    "gigaam-v3-rnnt": Known("istupakov/gigaam-v3-onnx", "v3_rnnt_encoder*.onnx", _RU, 220),
    "gigaam-v3-ctc": Known("istupakov/gigaam-v3-onnx", "v3_ctc*.onnx", _RU, 220),
    "gigaam-v2-rnnt": Known("istupakov/gigaam-v2-onnx", "v2_rnnt_encoder*.onnx", _RU, 240),
    "gigaam-v2-ctc": Known("istupakov/gigaam-v2-onnx", "v2_ctc*.onnx", _RU, 240),
    "gigaam-multilingual-ctc": Known("istupakov/gigaam-multilingual-ctc-onnx", "multilingual*_ctc*.onnx", _GIGAAM, 220),
    "gigaam-multilingual-large-ctc": Known(
        "istupakov/gigaam-multilingual-large-ctc-onnx", "multilingual*_ctc*.onnx", _GIGAAM, 600
    ),
    "vosk-model-ru": Known("alphacep/vosk-model-ru", "*/encoder*.onnx", _RU, 65, by_repository=True),
    "vosk-model-small-ru": Known("alphacep/vosk-model-small-ru", "*/encoder*.onnx", _RU, 20, by_repository=True),
    "t-one": Known("t-tech/t-one", _CTC, _RU, 71, by_repository=True),
    "whisper-base": Known("istupakov/whisper-base-onnx", "whisper-*_beamsearch*.onnx", LANGUAGES[:-1], 74),
    "whisper-large-v3-turbo": Known(
        "onnx-community/whisper-large-v3-turbo", "onnx/encoder_model*.onnx", LANGUAGES, 809, by_repository=True
    ),
}


def source(model: str) -> str | None:
    """The package's name for `model`, which says its type; None: its config.json does."""
    if (known := KNOWN.get(model)) is None:
        return None
    return known.repository if known.by_repository else model


def memory_mb(weights_mb: int) -> int:
    """The estimate for a model of so many 10^6 bytes: int8 Parakeet, of 670, was seen at 1230 (k2-fsa/sherpa-onnx,
    issue 2626); Python, numpy and the runtime have 150 before it. Nothing here was measured on real weights."""
    return 150 + 2 * weights_mb


def place() -> Path:
    """Where users put models of their own: a folder each."""
    return paths.find().models / "onnx-asr"


def folders() -> list[Path]:
    """What the user has put into hushd's models folder."""
    try:
        found = sorted(place().iterdir())
    except OSError:
        return []
    return [f for f in found if f.is_dir() and _NAME.fullmatch(f.name) and _weights(f)]


def find(model: str) -> Path | None:
    """The folder that holds `model`: the user's own, or a snapshot in Hugging Face's cache; None if there is none."""
    if not _NAME.fullmatch(model):
        return None
    known = KNOWN.get(model)
    own = place() / model
    if own.is_dir() and _weights(own, known.weights if known else "*.onnx"):
        return own
    return snapshot(known) if known else None


def snapshot(known: Known) -> Path | None:
    """Its folder in Hugging Face's cache, if its weights are there; other files may be missing."""
    found = hub.snapshot(known.repository)
    return found if found and _weights(found, known.weights) else None


def _weights(folder: Path, pattern: str = "*.onnx") -> list[Path]:
    """The graphs in `folder`, some kept one folder deeper, some in the runtime's own format."""
    patterns = [pattern] if "/" in pattern else [pattern, f"*/{pattern}"]
    patterns += [p.replace(".onnx", ".ort") for p in patterns]
    return [file for p in patterns for file in folder.glob(p) if file.is_file()]


def described(folder: Path) -> ModelInfo:
    """A model of the user's own. Its languages are `languages` in its config.json, or what Whisper's tokens say."""
    languages = _json(folder / "config.json").get("languages")
    if not (isinstance(languages, list) and languages and all(isinstance(tag, str) for tag in languages)):
        tokens = _json(folder / "added_tokens.json")
        languages = [match[1] for token in tokens if (match := re.fullmatch(r"<\|([a-z]{2,3})\|>", token))]
    graphs = _weights(folder)
    chosen = [file for file in graphs if "int8" in file.name] or graphs
    size = sum(file.stat().st_size for graph in chosen for file in graph.parent.glob(f"{graph.stem}.onnx*"))
    return ModelInfo(folder.name, tuple(languages) or (_UNDETERMINED,), memory_mb(round(size / 1e6)))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

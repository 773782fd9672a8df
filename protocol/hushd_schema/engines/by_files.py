"""The models of onnx-asr, kokoro and chatterbox as files, for their specs: languages and memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from . import model_files
from .spec import OnCard, Sizes, graphs_on_card_mb

# --- onnx-asr --------------------------------------------------------------------------------------------------------

_STEPS = "decoder", "joint", "beamsearch"  # parts of the names of graphs that run for each token
_WHISPER = "decoder_model_merged"


def languages_of_recogniser(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    named = model_files.content(folder / "config.json").get("languages") if "config.json" in files else None
    if isinstance(named, list) and named and all(isinstance(tag, str) for tag in named):
        return tuple(named)
    tokens = model_files.content(folder / "added_tokens.json") if "added_tokens.json" in files else {}
    return tuple(match[1] for token in tokens if (match := re.fullmatch(r"<\|([a-z]{2,3})\|>", token)))


def recogniser_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, and the graphs that run for each token; other graphs' weights are mapped.

    Measured with weights at random: 160 MB for Parakeet in int8, 166 in float32, 354 for Canary; 781 and 1,216 with the
    mapped pages. Of a folder with both precisions the engine loads int8.

    Whisper's encoder works on 30 s whatever the sound's length, and its decoder's table of tokens is turned round: base
    takes 757 MB with a decoder of 196 MB (published weights, in float32).
    """
    int8 = {name: size for name, size in files.items() if "int8" in name}
    steps = sum(size for name, size in (int8 or files).items() if any(word in name for word in _STEPS)) / 1e6
    return 300 + 2.3 * steps if any(name.startswith(_WHISPER) for name in files) else 90 + 1.2 * steps


def recogniser_on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, to which all graphs are copied; there the engine prefers float32 to int8."""
    precise = {name: size for name, size in files.items() if ".onnx" in name and "int8" not in name}
    return graphs_on_card_mb(precise or files)


# --- kokoro ----------------------------------------------------------------------------------------------------------


def languages_of_kokoro(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return ("en-US", "en-GB", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN")


def kokoro_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the runtime, phonemizer, and the copied part of the graph; the rest is mapped.

    Measured with weights at random, sentences of ten words: 278 MB for kokoro-v1.0 after one, 328 after three. In int8
    published weights took 103 MB once loaded and, at the peak, 34 MB for each second of sound, of which such a sentence
    has three.
    """
    if any("int8" in name for name in files):
        return 103 + 34 * 3
    return 190 + 0.33 * sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6


# --- chatterbox ------------------------------------------------------------------------------------------------------

_MANY = "ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh"


def languages_of_chatterbox(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(_MANY.split()) if any("mtl" in name for name in files) else ("en",)


def chatterbox_mb(files: Sizes) -> float:
    """Estimates torch with the package, and the tensors of a sentence; the weights are mapped, on a CPU.

    Measured with weights drawn at random, the peak of private memory in load and job: 939 and 996 MB for the English
    model, 887 and 1,010 for the multilingual one, 1,305 for turbo.
    """
    turbo = any("turbo" in name for name in files)
    return (1300 if turbo else 1000) if files else 0


def chatterbox_on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card: each module is created in the machine's memory and copied with all its weights.
    The largest module is two thirds of the files; not measured on a card."""
    size = sum(files.values()) / 1e6
    return OnCard(machine=1000 + 0.7 * size, card=1500 + size)

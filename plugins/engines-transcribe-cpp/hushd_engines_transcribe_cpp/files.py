"""transcribe-cpp: many families of models on ggml, each a GGUF file, in folders `transcribe-cpp/NAME`.

A model's abilities follow from its architecture and from keys of its file, as the library (0.4) reads them, but without
the library. The spec, `spec.json`, has the well-known ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from hushd_schema import engines
from hushd_schema.engines import NoModel, OnCard, Sizes, whisper

from . import gguf

if TYPE_CHECKING:
    from pathlib import Path

    from .gguf import Header


class Abilities(NamedTuple):
    """The abilities of a model, or of an architecture, unless a model's file says otherwise.

    Attributes:
        streaming: whether it transcribes while a person speaks, without reading the audio again.
        times: whether it can time sentences.
        word_times: whether it can time each word, and tell how likely each token was.
        options: the engine-dependent options of `transcribe` that it uses.
    """

    streaming: bool = False
    times: bool = False
    word_times: bool = False
    translation: bool = False
    options: tuple[str, ...] = ()


class Described(NamedTuple):
    """A model, described by its file."""

    architecture: str
    languages: tuple[str, ...]
    abilities: Abilities


_WHISPER = (
    "prompt", "hotwords", "temperature", "temperature_increment", "compression_ratio_threshold", "logprob_threshold",
    "no_speech_threshold", "condition_on_previous_text",
)  # fmt: skip
_TOKENS = Abilities(times=True, word_times=True)
ARCHITECTURES = {
    "whisper": Abilities(times=True, translation=True, options=_WHISPER),
    "parakeet": _TOKENS,
    "gigaam": _TOKENS,
    "medasr": _TOKENS,
    "moonshine": Abilities(),
    "moonshine_streaming": Abilities(streaming=True),
    "canary": Abilities(translation=True),
    "canary_qwen": Abilities(),
    "cohere": Abilities(),
    "funasr_nano": Abilities(options=("hotwords",)),
    "granite": Abilities(translation=True),
    "granite_nar": Abilities(),
    "granite5_ctc": Abilities(),
    "moss": Abilities(times=True),
    "qwen3_asr": Abilities(options=("prompt", "hotwords")),
    "sensevoice": Abilities(),
    "voxtral": Abilities(translation=True),
    "voxtral_realtime": Abilities(streaming=True),
}
_OTHERS = {  # families that the library runs, too
    "sortformer": "tells speakers apart",
    "ecapa_tdnn": "tells languages apart",
    "silero_vad": "detects speech",
}
_TOKEN_WEIGHTS = "dec.token_embd.weight"  # tensor of Whisper: a row per token, the times last


@cache
def well_known() -> Mapping[str, Abilities]:
    """Returns the abilities of the well-known models, as their cards have them."""
    known = {}
    for name, model in engines.get("transcribe-cpp").models.items():
        if traits := model.get("traits"):
            usual = ARCHITECTURES[traits["architecture"]]
            streaming = traits.get("streaming", usual.streaming)
            known[name] = usual._replace(streaming=streaming, translation=model["translation"])
    return known


def described(path: Path) -> Described:
    """Returns the model that the file at `path` describes.

    Raises:
        NoModel: it is damaged, or its architecture is unknown to the library or not for speech to text.
        OSError: it cannot be read.
    """
    info = path.stat()
    return _described(path, info.st_mtime_ns, info.st_size)


@cache
def _described(path: Path, _changed: int, _size: int) -> Described:
    """Does the same, cached: a starting worker asks several times, and a long vocabulary takes 50 ms."""
    header = gguf.read(path)
    architecture = str(header.values.get("general.architecture", ""))
    if other := _OTHERS.get(architecture):
        raise NoModel(f"{path.name} {other}, and writes down nothing")
    if architecture not in ARCHITECTURES:
        raise NoModel(f"{path.name} is of the architecture {architecture[:40]!r}, which transcribe-cpp does not run")
    languages = header.texts("general.languages")
    if not languages and architecture == "whisper":
        vocabulary = header.values.get("stt.whisper.decoder.vocab_size")
        languages = whisper.languages_of(vocabulary) if isinstance(vocabulary, int) else ()
    return Described(architecture, languages, _abilities(header, architecture, path))


def _abilities(header: Header, architecture: str, path: Path) -> Abilities:
    usual = ARCHITECTURES[architecture]
    options = usual.options
    if header.flag("stt.capability.vocabulary", False):
        options = (*options, "hotwords")
    return Abilities(
        streaming=header.flag("stt.capability.streaming", usual.streaming),
        times=usual.times and not (architecture == "whisper" and _timeless(header, path)),
        word_times=header.flag("stt.capability.word_timestamps", usual.word_times),
        translation=header.flag("stt.capability.translate", usual.translation),
        options=options,
    )


def _timeless(header: Header, path: Path) -> bool:
    """Returns whether a Whisper model never learnt times: the weights of the time tokens are zeros."""
    before, weights = header.values.get("stt.whisper.no_timestamps_token_id"), header.tensors.get(_TOKEN_WEIGHTS)
    if not isinstance(before, int) or weights is None or len(weights.shape) != 2 or not weights.size:
        return False
    row = weights.size // max(1, weights.shape[1])
    first, rest = row * (before + 1), weights.size - row * (before + 1)
    if rest <= 0:
        return False
    with open(path, "rb") as file:
        file.seek(weights.start + first)
        return not any(file.read(min(rest, 1 << 22)))


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    path = folder / next(file for file in sorted(files) if file.endswith(".gguf"))
    return described(path).languages


def _private_mb(size_mb: float) -> float:
    """Estimates a worker's memory besides the mapped file.

    Measured with weights at random, in MB: 93 for Moonshine streaming tiny (49 of file), 342 for medium (295), 368 and
    406 for Nemotron and Parakeet (729, 739), which unpack convolutions; 88 for Whisper turbo (876), which does not.
    """
    return min(75 + 0.9 * size_mb, 420.0)


def memory_mb(files: Sizes) -> float:
    """Estimates the same by the files. Measured with published weights: 131 and 134 MB for Whisper base (148)."""
    if all("whisper" in name.lower() for name in files):
        return 130.0
    return _private_mb(sum(files.values()) / 1e6)


def on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, to which the mapped file is copied; not measured here."""
    size = sum(files.values()) / 1e6
    return OnCard(machine=500 + _private_mb(size), card=800 + 1.1 * size)

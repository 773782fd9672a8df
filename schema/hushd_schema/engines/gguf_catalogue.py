"""The well-known models of transcribe-cpp: each is a GGUF file in Q8_0, and most are published in Q4_K_M, too.

Names, languages, sizes and licences, and the files' addresses, are from the makers' cards in the sources of
`transcribe-cpp-native` 0.4 (`docs/models`), which have no hashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hushd_schema.engines.whisper import LANGUAGES

Q4 = "-q4"  # ends the name of a model in Q4_K_M


class Model(NamedTuple):
    """A model in one precision.

    Attributes:
        weights: the name of its weights in `word_errors`.
        precision: `Q8_0` or `Q4_K_M`.
        size_mb: of its file.
        speed: on a processor.
        repository: on the hub.
    """

    name: str
    weights: str
    precision: str
    architecture: str
    languages: str
    size_mb: int
    licence: str
    speed: str
    repository: str


ALL, ALL_BUT_YUE = " ".join(LANGUAGES), " ".join(LANGUAGES[:-1])
_CC, APACHE, _NVIDIA = "CC-BY-4.0", "Apache-2.0", "NVIDIA Open Model License"
_FUNASR = "FunASR Model License"
_EUROPE = "en bg cs da de el es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk"
_FLASH, _GRANITE = "en de es fr", "en de es fr ja pt"
_COHERE = "en ar de el es fr it ja ko nl pl pt vi zh"
_QWEN = "en ar cs da de el es fa fi fr hi hu id it ja ko mk ms nl pl pt ro ru sv th tl tr vi yue zh"
_NEMOTRON = "en ar bg cs da de es et fi fr hi hr hu it ja ko nl no pl pt ro ru sk sv tr uk vi zh"
_MLT = "en ar bg cs da el et fi ga hi hr hu id ja ko lt lv ms mt nl pl pt ro sk sl sv th tl vi yue zh"
_REALTIME = "en ar de es fr hi it ja ko nl pt ru zh"
# Name, architecture, languages, MB on disk in Q8_0 and in Q4_K_M (0: not published), licence, speed on a processor, and
# its repository at handy-computer's, if that is not the name.
_MODELS = (
    ("moonshine-streaming-tiny", "moonshine_streaming", "en", 50, 0, "MIT", "fast", ""),
    ("moonshine-streaming-small", "moonshine_streaming", "en", 199, 0, "MIT", "fast", ""),
    ("moonshine-streaming-medium", "moonshine_streaming", "en", 296, 0, "MIT", "fast", ""),
    ("parakeet-tdt-0.6b-v3", "parakeet", _EUROPE, 740, 485, _CC, "fast", ""),
    ("parakeet-ultra", "parakeet", _EUROPE, 740, 486, _CC, "fast", ""),
    ("parakeet-tdt-0.6b-v2", "parakeet", "en", 730, 475, _CC, "fast", ""),
    ("parakeet-tdt_ctc-110m", "parakeet", "en", 135, 90, _CC, "fast", ""),
    ("parakeet-unified-en-0.6b", "parakeet", "en", 731, 477, _NVIDIA, "fast", ""),
    ("parakeet-tdt-1.1b", "parakeet", "en", 1270, 825, _CC, "fast", ""),
    ("parakeet-rnnt-1.1b", "parakeet", "en", 1270, 825, _CC, "fast", ""),
    ("parakeet-ctc-1.1b", "parakeet", "en", 1260, 818, _CC, "fast", ""),
    ("parakeet-tdt_ctc-1.1b", "parakeet", "en", 1270, 825, _CC, "fast", ""),
    ("nemotron-speech-streaming-en-0.6b", "parakeet", "en", 730, 475, _NVIDIA, "fast", ""),
    ("nemotron-3.5-asr-streaming-0.6b", "parakeet", _NEMOTRON, 751, 496, "OpenMDW-1.1", "fast", ""),
    ("canary-180m-flash", "canary", _FLASH, 218, 139, _CC, "fast", ""),
    ("canary-1b-flash", "canary", _FLASH, 1050, 677, _CC, "medium", ""),
    ("canary-1b-v2", "canary", _EUROPE, 1140, 735, _CC, "medium", ""),
    ("canary-qwen-2.5b", "canary_qwen", "en", 2800, 1740, _CC, "slow", ""),
    ("qwen3-asr-0.6b", "qwen3_asr", _QWEN, 850, 590, APACHE, "medium", "Qwen3-ASR-0.6B"),
    ("qwen3-asr-1.7b", "qwen3_asr", _QWEN, 2190, 1320, APACHE, "slow", "Qwen3-ASR-1.7B"),
    ("cohere-transcribe-03-2026", "cohere", _COHERE, 2410, 1560, APACHE, "slow", ""),
    ("granite-speech-4.1-2b", "granite", _GRANITE, 2560, 1600, APACHE, "slow", ""),
    ("granite-speech-5.0-470m-turboctc", "granite5_ctc", "en", 506, 279, APACHE, "fast", ""),
    ("voxtral-mini-3b-2507", "voxtral", "en de es fr hi it nl pt", 5000, 2980, APACHE, "slow", "Voxtral-Mini-3B-2507"),
    ("voxtral-realtime", "voxtral_realtime", _REALTIME, 4730, 2830, APACHE, "slow", "Voxtral-Mini-4B-Realtime-2602"),
    ("gigaam-v3-e2e-rnnt", "gigaam", "ru", 274, 184, "MIT", "fast", ""),
    ("sensevoice-small", "sensevoice", "en ja ko yue zh", 253, 146, _FUNASR, "fast", "SenseVoiceSmall"),
    ("fun-asr-nano-2512", "funasr_nano", "en ja zh", 891, 557, _FUNASR, "medium", "Fun-ASR-Nano-2512"),
    ("fun-asr-mlt-nano-2512", "funasr_nano", _MLT, 891, 557, _FUNASR, "medium", "Fun-ASR-MLT-Nano-2512"),
    ("moss-transcribe-diarize", "moss", "en zh", 987, 617, APACHE, "slow", "MOSS-Transcribe-Diarize"),
    ("medasr", "medasr", "en", 128, 83, "Health AI Developer Foundations", "fast", ""),
    ("whisper-small", "whisper", ALL_BUT_YUE, 270, 172, APACHE, "medium", ""),
    ("whisper-large-v3-turbo", "whisper", ALL, 886, 536, "MIT", "slow", ""),
)


def models() -> Iterator[Model]:
    """Yields all models: each in Q8_0, and after it in Q4_K_M, if that is published."""
    for name, architecture, languages, large, small, licence, speed, repository in _MODELS:
        place = f"handy-computer/{repository or name}-gguf"
        yield Model(name, name, "Q8_0", architecture, languages, large, licence, speed, place)
        if small:
            yield Model(f"{name}{Q4}", name, "Q4_K_M", architecture, languages, small, licence, speed, place)

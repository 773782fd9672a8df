"""transcribe-cpp: many families of models on ggml, each a GGUF file, in folders `transcribe-cpp/NAME`.

A model's abilities follow from its architecture and from keys of its file, as the library (0.4) reads them, but without
the library. The well-known models are in `gguf_catalogue`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

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
    gguf_catalogue,
    langid,
    whisper,
    word_errors,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hushd_schema.engines.gguf import Header


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
_OTHERS = {  # that the library runs too
    "sortformer": "tells speakers apart",
    langid.ARCHITECTURE: "tells languages apart",
    "silero_vad": "detects speech",
}
MAPPED = "mapped"  # a file made by hushd, whose weights the library uses in place
_TOKEN_WEIGHTS = "dec.token_embd.weight"  # of Whisper: a row per token, the times last

# The labels of VoxLingua107, which tells languages apart.
VOXLINGUA = (
    "ab af am ar as az ba be bg bn bo br bs ca ceb cs cy da de el en eo es et eu fa fi fo fr gl gn gu gv ha haw hi hr "
    "ht hu hy ia id is it iw ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps "
    "pt ro ru sa sco sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi war yi yo zh"
)
_STREAMING = ("parakeet-unified-en-0.6b", "nemotron-speech-streaming-en-0.6b", "nemotron-3.5-asr-streaming-0.6b")
_NOT_TRANSLATING = ("whisper-large-v3-turbo",)
# The abilities of the well-known models, as their cards have them.
WELL_KNOWN: Mapping[str, Abilities] = {
    model.name: ARCHITECTURES[model.architecture]._replace(
        streaming=ARCHITECTURES[model.architecture].streaming or model.weights in _STREAMING,
        translation=ARCHITECTURES[model.architecture].translation and model.weights not in _NOT_TRANSLATING,
    )
    for model in gguf_catalogue.models()
}


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
    from hushd_schema.engines import gguf

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


def _look(path: Path, name: str) -> Files:
    from hushd_schema.engines import gguf

    if not path.is_file():
        raise NotAlike("it is not a file in the format GGUF")
    with open(path, "rb") as file:
        if file.read(4) != gguf.MAGIC:
            raise NotAlike("it is not a file in the format GGUF")
    if gguf.architecture(path) == langid.ARCHITECTURE:
        langid.labels(path)
    else:
        described(path)
    return {f"{name}.gguf": path}


def _languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    from hushd_schema.engines import gguf

    path = folder / next(file for file in sorted(files) if file.endswith(".gguf"))
    return langid.labels(path) if gguf.architecture(path) == langid.ARCHITECTURE else described(path).languages


def _role(files: Iterable[Path]) -> str:
    from hushd_schema.engines import gguf

    models = (path for path in files if path.suffix == ".gguf" and path.is_file())
    return langid.ROLE if any(gguf.architecture(path) == langid.ARCHITECTURE for path in models) else "stt"


def _private_mb(size_mb: float, *, mapped: bool = False) -> float:
    """Estimates a worker's memory besides the mapped file.

    Measured with weights at random, in MB: 93 for Moonshine streaming tiny (49 of file), 342 for medium (295), 368 and
    406 for Nemotron and Parakeet (729, 739), which unpack convolutions; 88 for Whisper turbo (876), which does not, and
    150 for Parakeet in a file with nothing to unpack (890).
    """
    return 75 + 0.1 * size_mb if mapped else min(75 + 0.9 * size_mb, 420.0)


def _memory_mb(files: Sizes) -> float:
    return _private_mb(sum(files.values()) / 1e6, mapped=any(name.endswith(f"-{MAPPED}.gguf") for name in files))


def _on_card_mb(files: Sizes) -> OnCard:
    """Estimates the same for a card, to which the mapped file is copied; not measured here."""
    size = sum(files.values()) / 1e6
    return OnCard(machine=500 + _private_mb(size), card=800 + 1.1 * size)


SPEC = EngineSpec(
    name="transcribe-cpp",
    role="stt",
    engine="hushd_worker_stt.engines.transcribe_cpp:TranscribeCpp",
    default_model="parakeet-tdt-0.6b-v3",
    rank=35,
    listed=45,
    packages=("transcribe_cpp", "numpy"),
    extra="ggml",
    models={
        model.name: {
            "languages": model.languages, "size_mb": model.size_mb, "licence": model.licence, "speed": model.speed,
            "memory_mb": round(_private_mb(model.size_mb)) + model.size_mb, "layout": model.precision.lower(),
            "repository": model.repository, "translation": WELL_KNOWN[model.name].translation,
            **word_errors.of(model.weights, model.precision),
        }
        for model in gguf_catalogue.models()
    }
    | {
        "lang-id-voxlingua107-ecapa": {
            "role": langid.ROLE, "languages": VOXLINGUA, "size_mb": 27, "memory_mb": 85,
            "licence": gguf_catalogue.APACHE, "speed": "fast", "layout": "q8_0",
            "repository": "handy-computer/lang-id-voxlingua107-ecapa-gguf",
        },
    },
    layouts={name: {"files": [[f"*{name.upper()}.gguf"]]} for name in ("q8_0", "q4_k_m")},
    own="*/*.gguf",
    format="gguf",
    recognition=Recognition(look=_look, kind="GGUF files that hear or tell languages apart (.gguf)", order=35),
    languages=_languages,
    role_of=_role,
    memory_mb=_memory_mb,
    on_card_mb=_on_card_mb,
    precisions=Precisions(
        names=(MAPPED,),
        package="transcribe-cpp",
        extra="ggml",
        module="hushd_worker_stt.convert.gguf",
        memory=0.0,
        room=2.0,
    ),
    cards=("cuda", "rocm", "vulkan"),
    spare_cores=1,  # ggml's threads wait for each other without sleeping
    recommended=(
        Recommended(
            model="moonshine-streaming-medium",
            gain="English with punctuation, made for text while you speak; little memory",
            rank=15,
        ),
        Recommended(
            model="parakeet-unified-en-0.6b",
            gain="English with punctuation, quick on a processor; times each word, made for text while you speak",
            rank=17,
        ),
        Recommended(
            model="parakeet-ultra",
            gain="25 of Europe's languages with punctuation, quick on a processor; times each word",
            rank=19,
        ),
        Recommended(model="qwen3-asr-1.7b", gain="30 languages, detected by itself; takes hints of names", rank=12),
    ),
)  # fmt: skip

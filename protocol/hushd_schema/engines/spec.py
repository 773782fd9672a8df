"""The facts about an engine that need no run of it, and its file, from which they are read.

A file is `NAME.json`: JSON, since every worker's start reads one, and the standard library's reader of TOML costs it
5 ms and the supervisor 1 MB. Its keys are the fields of `EngineSpec`, and `each`, what its models have in common. A
function is named `module:function`, and imported when it is first called.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from hushd_protocol.cards import ANY_KIND
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.suggest import did_you_mean, quoted
from hushd_protocol.values import misfit
from msgspec import Struct, ValidationError, convert

Sizes: TypeAlias = Mapping[str, int]  # bytes of each file, by name
LAST = 1000  # the default rank: after hushd's engines


class NoModel(Exception):
    """The files are damaged or incomplete, or not a model of the engine's; the message says why."""


class OnCard(NamedTuple):
    """The peak memory of a worker that computes on a graphics card, in MB.

    Attributes:
        machine: its private memory: CUDA's own part, and the weights that pass through on their way to the card.
        card: the card's memory: the CUDA context, copies of the weights, and a job's work.
    """

    machine: float
    card: float


class Recommended(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that `hushd models recommend` may name.

    Attributes:
        model: its name; `*` for any of the engine's.
        gain: its advantages, in words.
        rank: the best model of a role has the smallest number. The last one that fits is the smallest choice.
        translates: whether to recommend it for translation into English.
    """

    model: str
    gain: str
    rank: int = LAST
    translates: bool = False


class EngineSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An engine.

    Attributes:
        role: `stt`, `tts` or `wake`.
        engine: the class that runs it, `module:Class`.
        default_model: the model used if a request names none.
        rank: engines of a role with the same abilities are preferred, and described, in this order.
        listed: its place in lists of models.

        packages: modules that must be importable for it to run; empty if the state of its models already says so.
        extra: hushd's extra that installs them.
        requirement: the requirement for pip instead of an extra, such as `hushd-pitch[onnx]`; without either, the
            engine needs an environment of its own.
        outside: how to install it otherwise: the beginning of a sentence.

        models: the well-known models by name, with the fields of `hushd_models.catalogue.Known`, except that
            `languages` is one string; also `layout`, and `traits`, the engine's own. The word error rates are by the
            makers of transcribe.cpp, on whole test sets with Whisper's text normaliser and greedy decoding: English of
            LibriSpeech's test-clean, others of FLEURS's, in Q8_0.
        layouts: the files of a model: alternatives of patterns, and optional files.
        voices: the voices of all its models: `language`, `gender`, and `names` in one string.
        own: the pattern of a user's own models in its folder; empty if it has none.
        flat: whether a model is files in the engine's folder; else it is a folder there.
        cache: the place in the user's cache where its package keeps its own downloads; or empty.
        format: the format of its models' files, for manifests.
        languages: takes a model's folder and the names of its files; returns the tags of the languages that they name,
            or none. It may raise any exception for damaged files.
        memory_mb: takes the sizes of a model's files; returns the peak private memory of a worker with it.
            None: estimated by the line through the well-known models.
        need: takes a model's name; returns a worker's MB in the machine and on a card, or raises HushdError. None: the
            model's files tell.
        on_card_mb: takes the same, or all in one file without a name; returns the memory of a worker that computes on
            a card, to which files cannot be mapped. None: it uses no card, or its needs are unknown.

        cards: the kinds of graphics cards that any build of its library can use: `cuda`, `rocm`, `vulkan`, and `mps`
            for Apple's graphics processor. Its start finds out whether the installed build can.
        spare_cores: the number of cores that it leaves unused unless OMP_NUM_THREADS sets the number of its threads.
        recommended: the models to recommend.
        translates: whether its multilingual models translate into English.
        streaming: of speech to text: whether it is fast enough for text while a person speaks.
        word_times: whether it can time each word.
        options: the schema's `by_engine` fields that it uses; a result warns of others. None: unknown.
        default_voice: of text to speech: the voice used if a request names none; empty: its usual model is a voice.
        slowest, fastest: the limits of its speed; 1 is natural.
        robotic: whether it sounds like a machine, so that it is the last choice as a fallback voice.
        clones: whether it speaks with the voice of each recording in the folder `voices` of its models.
        confined: whether its worker gives up what an engine does not need (`hushd_worker.confinement`); false for
            programs of the user's.
        reads, writes: files and folders that it needs beyond that, with `~` and variables such as `$PKUSEG_HOME`, which
            counts where it is set.
        prepare: called before its worker gives that up, to start what prepares files for the next one.
    """

    name: str
    role: str
    engine: str
    default_model: str = "default"
    rank: int = LAST
    listed: int = LAST

    packages: tuple[str, ...] = ()
    extra: str = ""
    requirement: str = ""
    outside: str = ""

    models: Mapping[str, Mapping[str, Any]] = {}
    layouts: Mapping[str, Mapping[str, Any]] = {}
    voices: tuple[Mapping[str, str], ...] = ()
    own: str = ""
    flat: bool = False
    cache: str = ""
    format: str = "onnx"
    languages: Callable[[Path, Sequence[str]], tuple[str, ...]] | None = None
    memory_mb: Callable[[Sizes], float] | None = None
    need: Callable[[str], tuple[float, float]] | None = None
    on_card_mb: Callable[[Sizes], OnCard] | None = None

    cards: tuple[str, ...] = ANY_KIND
    spare_cores: int = 0
    recommended: tuple[Recommended, ...] = ()
    translates: bool = False
    streaming: bool = False
    word_times: bool = False
    options: tuple[str, ...] | None = None
    default_voice: str = ""
    slowest: float = 0.5
    fastest: float = 2.0
    robotic: bool = False
    clones: bool = False
    confined: bool = True
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None

    def __hash__(self) -> int:
        return hash((self.role, self.name))  # its tables are not hashable

    @property
    def keeps_models(self) -> bool:
        """True if it has models that can be listed or pulled."""
        return bool(self.models or self.own)


def graphs_on_card_mb(files: Sizes) -> OnCard:
    """Estimates `on_card_mb` of graphs on ONNX Runtime, which reads them whole and copies their weights to the card.
    Not measured on a card."""
    graphs = [size for file, size in files.items() if ".onnx" in file]
    size = sum(graphs or files.values()) / 1e6
    return OnCard(machine=600 + 1.2 * size, card=700 + 1.3 * size)


# --- the file --------------------------------------------------------------------------------------------------------


def read(path: str | Path) -> EngineSpec:
    """Returns the spec in a file.
    Raises ValueError if it is not a spec, with a message that says what is wrong; OSError if it cannot be read."""
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    content.pop("about", "")
    each = content.pop("each", {})
    models = content.get("models")
    if isinstance(models, dict):
        content["models"] = {name: {**each, **model} for name, model in models.items()}
    try:
        return checked(convert(content, EngineSpec, dec_hook=_function))
    except ValidationError as error:
        if unknown := re.match("Object contains unknown field `(.*)`", str(error)):
            hint = did_you_mean(unknown[1], EngineSpec.__struct_fields__)
            raise ValueError(f"there is no key {unknown[1]}{hint}") from None
        wrong = misfit(error)
        value = "" if wrong.missing else f", not {quoted(wrong.found(content))}"
        raise ValueError(f"{'.'.join(wrong.path)} must be {wrong.must_be}{value}") from None


def checked(spec: EngineSpec) -> EngineSpec:
    """Returns `spec`. Raises ValueError if it is not that of an engine."""
    if not isinstance(spec, EngineSpec) or spec.role not in ENGINE_ROLES or not spec.name:
        raise ValueError("it is not an EngineSpec of a role")
    return spec


def _function(kind: Any, place: object) -> Callable[..., Any]:
    """Returns the function named `module:function`, whose module is imported when it is called."""
    module, _, function = place.partition(":") if isinstance(place, str) else ("", "", "")
    if not (module and function):
        raise ValueError("Expected a function, such as hushd_pitch.files:languages")

    def call(*given: Any) -> Any:
        return getattr(importlib.import_module(module), function)(*given)

    return call

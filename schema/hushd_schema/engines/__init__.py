"""Everything that is known of an engine without running it, said once: a `SPEC` in a small file for each engine.

`stt/` and `tts/` have a file for each engine of the core's; guests and other packages name theirs under the entry point
group `hushd.engine_specs`. Import, languages, tuning, recommendation, completion, `hushd doctor` and the advice to
install all read specs and know no engine by name. `find` loads the one that is asked for, and looks at other packages
only for a name that is none of hushd's; `every` loads all of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hushd_protocol.cards import ANY_KIND
from hushd_protocol.names import ENGINE_ROLES, SPEECH_ROLES

if TYPE_CHECKING:
    from pathlib import Path

Sizes: TypeAlias = Mapping[str, int]  # of files in bytes, by name
Files: TypeAlias = "dict[str, Path]"  # by their names in the engine's place for the model
GROUP = "hushd.engine_specs"
LAST = 1000  # the place of an engine that claims no other: after hushd's
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class NotAlike(Exception):
    """The file has another format; the message says what this one needs."""


class NoModel(Exception):
    """The file looks like a model and is none, or only a part of one; the message says why."""


class OnCard(NamedTuple):
    """The memory of a worker that computes on a graphics card, at its peak, in MB.

    Attributes:
        machine: private memory: CUDA's own part, and what of the weights passes through on their way.
        card: the CUDA context, the weights, which are copies there, and a job's work.
    """

    machine: float
    card: float


def copied_graphs(files: Sizes) -> OnCard:
    """Estimates `on_card_mb` of graphs on ONNX Runtime: it reads them whole, and copies their weights onto the card.

    Not measured on a card.
    """
    graphs = [size for file, size in files.items() if ".onnx" in file]
    size = sum(graphs or files.values()) / 1e6
    return OnCard(machine=600 + 1.2 * size, card=700 + 1.3 * size)


class Recognition(NamedTuple):
    """The marks by which a user's file or folder is known as a model of the engine; nothing in it runs.

    Attributes:
        look: takes its path and the name that the model shall have; returns the files that it consists of. Raises
            `NotAlike` or `NoModel`.
        kind: of which file it is, such as `checkpoints (.pt)`; empty: it is a folder.
        alone: whether the content tells; else the user has to name the engine.
        order: who looks first has a smaller number.
    """

    look: Callable[[Path, str], Files]
    kind: str = ""
    alone: bool = True
    order: int = LAST


class Precisions(NamedTuple):
    """The precisions that `hushd models quantize` can make of a model.

    Attributes:
        names: the precisions.
        into: the engine that the result is for; empty: the same.
        package: what does the work, the name of a distribution.
        extra: hushd's extra that installs it.
        requirement: what pip installs instead.
        module: run as `python -m MODULE --quantization NAME --progress --name STEM FILE FOLDER`; empty: hushd makes
            each graph (.onnx) smaller.
        memory: bytes that the work takes for each byte of the model. The default was measured for a checkpoint of the
            size of base: 586 MB for 145, since CTranslate2 makes float32 of all of it before it makes bytes.
        room: bytes of the result for each byte of the model, at most.
        files: takes the model's name, that of the result, the precision, and the names of its graphs and of all its
            files; returns the result's files, each with the one that it is made or copied of.
    """

    names: tuple[str, ...] = ("int8",)
    into: str = ""
    package: str = "onnxruntime"
    extra: str = "quantize"
    requirement: str = ""
    module: str = ""
    memory: float = 3.5
    room: float = 1.0
    files: Callable[[str, str, str, Sequence[str], Sequence[str]], Mapping[str, str]] | None = None


class Recommended(NamedTuple):
    """A model that `hushd models recommend` may name.

    Attributes:
        model: its name; `*` is any of the engine's.
        gain: what one gets for it, in words.
        rank: the best of a role has the smallest number. The last one that fits is the smallest choice.
        begin: its place among the models to begin with, which `hushd models list` shows first; 0: not among them.
        translates: whether it is named to who wants a translation into English.
    """

    model: str
    gain: str
    rank: int = LAST
    begin: int = 0
    translates: bool = False


class EngineSpec(NamedTuple):
    """An engine. A named tuple and no dataclass, which would cost every worker's start 5 ms.

    Attributes:
        role: `stt`, `tts` or `wake`.
        engine: the class that runs it, `module:Class`.
        default_model: used where none is named.
        rank: engines of a role that can do the same are preferred, and described, in this order.
        listed: its place in lists of models.

        packages: modules that must be importable for it to run; empty where its models' state already says so.
        extra: hushd's extra that installs them.
        requirement: what pip installs instead, such as `hushd-pitch[onnx]`; neither: an environment of its own.
        outside: how to install it without that: the beginning of a sentence.
        brings: what one gets by it, in words, for `hushd doctor`; empty: it is nothing that everybody expects.
        modules: all that `extra` brings, for `hushd doctor`.

        models: the well-known models by name, as `[models."ENGINE/NAME"]` in a configuration has them, but for
            `languages`, which is one text; also `role`, `layout`, `aliases`, `translation`, `voice`, `package` and
            `system`, see `hushd_models.catalogue.Known`.
        layouts: the files that models consist of: alternatives of patterns, and such as are taken if they are there.
        voices: the voices that go with any of its models: `language`, `gender`, and `names` in one text.
        own: what in its folder is a model of the user's own; empty where it has none.
        flat: whether a model is files in the engine's folder; else it is a folder there.
        cache: where in the user's cache its package keeps what it has fetched itself; or empty.
        format: of its models' files, for manifests.
        recognition: None: models are not imported.
        languages: takes a model's folder and the names of its files; returns the tags of the languages that they name,
            or none. It may raise anything for damaged files.
        role_of: takes a model's files; returns its role, which may be another than the engine's. None: that is all
            models'.
        memory_mb: takes the sizes of a model's files; returns the private memory of a worker with it, at its peak.
            None: by the line through the well-known models.
        on_card_mb: takes the same, or all in one file without a name; returns what the worker takes where it computes
            on a card, into whose memory no file is mapped. None: it uses no card, or nothing is known of it there.

        precisions: None: its models are not made smaller, for the reason `one_precision`, the end of a sentence.
        cards: the kinds of graphics cards that some build of its library can use, of `cuda`, `rocm` and `vulkan`, and
            `mps` for Apple's graphics processor. Its start finds out whether the installed one can.
        threaded: whether OMP_NUM_THREADS is the number of its threads.
        spare_cores: how many fewer threads than cores it has without that.
        tuning: other variables of its environment for `hushd tune`, and the values to try; its own value is none.
        recommended: which of its models are.
        translates: whether its models of several languages translate into English.
        robotic: whether it sounds like a machine, and so stands in for nobody while there is another.
        exceptions: the cases of `hushd_conformance` that it is known to fail, with the reasons.
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
    brings: str = ""
    modules: tuple[str, ...] = ()

    models: Mapping[str, Mapping[str, Any]] = _NOTHING
    layouts: Mapping[str, Mapping[str, Any]] = _NOTHING
    voices: tuple[Mapping[str, str], ...] = ()
    own: str = ""
    flat: bool = False
    cache: str = ""
    format: str = "onnx"
    recognition: Recognition | None = None
    languages: Callable[[Path, Sequence[str]], tuple[str, ...]] | None = None
    role_of: Callable[[Iterable[Path]], str] | None = None
    memory_mb: Callable[[Sizes], float] | None = None
    on_card_mb: Callable[[Sizes], OnCard] | None = None

    precisions: Precisions | None = None
    one_precision: str = ""
    cards: tuple[str, ...] = ANY_KIND
    threaded: bool = False
    spare_cores: int = 0
    tuning: Mapping[str, tuple[str, ...]] = _NOTHING
    recommended: tuple[Recommended, ...] = ()
    translates: bool = False
    robotic: bool = False
    exceptions: Mapping[str, str] = _NOTHING

    def __hash__(self) -> int:
        return hash((self.role, self.name))  # its tables have none

    @property
    def keeps_models(self) -> bool:
        """True if it has models that can be listed, got or put somewhere."""
        return bool(self.models or self.own)


@cache
def own(role: str) -> tuple[str, ...]:
    """The names of the core's engines of a role."""
    files = os.listdir(os.path.join(os.path.dirname(__file__), role)) if role in SPEECH_ROLES else []
    names = (file.removesuffix(".py").replace("_", "-") for file in files if file.endswith(".py") and file[0] != "_")
    return tuple(sorted(names))


def find(name: str, role: str = "") -> EngineSpec | None:
    """The spec of an engine; None for one that nobody knows, or that is another package's and does not import."""
    for each in (role,) if role else SPEECH_ROLES:
        if name in own(each):
            return _own(each, name)
    return next((spec for spec in added() if spec.name == name and role in ("", spec.role)), None)


def every(role: str = "") -> tuple[EngineSpec, ...]:
    """All specs, the core's and other packages', in the order of `rank`."""
    specs = [_own(each, name) for each in SPEECH_ROLES for name in own(each)]
    taken = {(spec.role, spec.name) for spec in specs}
    specs += [spec for spec in added() if (spec.role, spec.name) not in taken]
    return tuple(spec for spec in sorted(specs, key=lambda spec: (spec.role, spec.rank)) if role in ("", spec.role))


def usual_model(role: str) -> str:
    """`ENGINE/NAME` of a role that is used where nobody has chosen one."""
    spec = min((_own(role, name) for name in own(role)), key=lambda spec: spec.rank, default=None) or every(role)[0]
    return f"{spec.name}/{spec.default_model}"


def robotic(name: str) -> bool:
    """Returns whether an engine that speaks sounds like a machine."""
    spec = find(name, "tts")
    return spec is not None and spec.robotic


def added() -> tuple[EngineSpec, ...]:
    """Those of other packages, as far as they import."""
    return _added(tuple(sys.path))[0]


def problems() -> Mapping[str, str]:
    """The entry points of other packages that do not import, or are not specs, with the reasons."""
    return _added(tuple(sys.path))[1]


@cache
def _own(role: str, name: str) -> EngineSpec:
    spec: EngineSpec = importlib.import_module(f"{__name__}.{role}.{name.replace('-', '_')}").SPEC
    return spec


@cache
def _added(path: tuple[str, ...]) -> tuple[tuple[EngineSpec, ...], Mapping[str, str]]:
    from hushd_schema.entry_points import entry_points  # not for an engine of hushd's

    specs, failed = [], {}
    for point, target in entry_points(GROUP).items():
        module, _, attribute = target.partition(":")
        try:
            spec = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # whatever another package's module does
            failed[point] = (str(error).splitlines() or [type(error).__name__])[0][:200]
            continue
        if isinstance(spec, EngineSpec) and spec.role in ENGINE_ROLES and spec.name:
            specs.append(spec)
        else:
            failed[point] = f"{target} is no EngineSpec of a role"
    return tuple(specs), failed

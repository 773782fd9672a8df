"""The well-known models of every engine, with their sources and sizes; the data is in the engines' specs.

A model has a `layout`, the files of which it consists: alternatives of patterns; the first one that the source has
completely is used. `{name}` in a pattern is the model's name, `*` and `?` stay within a folder, `**/` is any folder.
Sizes are in 10^6 bytes and approximate: from makers' cards, or estimated from parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_protocol.suggest import readable
from hushd_schema import engines as specs
from hushd_schema.engines import EngineSpec

from . import languages

if TYPE_CHECKING:
    from hushd_schema.description import HearingDescription


@dataclass(frozen=True, slots=True)
class Files:
    """One alternative of a model's files: required patterns and optional ones."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def choose(self, names: Iterable[str]) -> list[str] | None:
        """Returns those of `names` (paths with `/`) that belong to the model; None if a required file is missing."""
        names = sorted(names)
        matches = [[name for name in names if _matches(pattern, name)] for pattern in self.needed]
        if not all(matches):
            return None
        more = ([name for name in names if _matches(pattern, name)] for pattern in self.optional)
        return sorted({name for group in (*matches, *more) for name in group})


@dataclass(frozen=True, slots=True)
class Known:
    """A model that hushd can get, or for which it knows what to install.

    Attributes:
        repository, revision: its place on the Hugging Face hub; the revision is a commit, or a branch, which is
            resolved by the pull.
        also: other repositories with the same model, in any format, by whose names programs request it.
        url: the address of a folder with the `files`; without either, the model comes with a package.
        files: the alternatives of its files, the best first.
        sha256: known hashes of files, by name.
        size_mb, memory_mb: the approximate sizes on disk, and of a worker with it.
        mapped: whether its weights are pages of their file, as much as `size_mb` of `memory_mb`, which the kernel may
            drop and read again.
        speed: one of `SPEEDS`, on a CPU.
        word_errors: its published word error rates (`word_errors`); empty if there are none.
        translation: whether it was trained to translate, if its engine can.
        needs_language: whether it reads all speech as the language that it is told.
        voice: whether it is a further voice of its engine's model; no worker starts with it alone.
        package: the module of the package in which it is embedded.
        system: patterns of paths, at least one of which exists if the system has installed it.
    """

    engine: str
    name: str
    role: str
    languages: tuple[str, ...] = ()
    size_mb: int = 0
    memory_mb: int = 0
    mapped: bool = False
    licence: str = ""
    speed: str = "medium"
    repository: str = ""
    revision: str = "main"
    also: tuple[str, ...] = ()
    url: str = ""
    files: tuple[Files, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    word_errors: str = ""
    word_errors_source: str = ""
    translation: bool = True
    needs_language: bool = False
    voice: bool = False
    package: str = ""
    system: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        return f"{self.engine}/{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    @property
    def embedded(self) -> bool:
        """True if it comes inside its engine's package."""
        return bool(self.package) and not self.system

    @property
    def kind(self) -> str:
        """`hub`, `url`, `embedded` or `system`."""
        return "hub" if self.repository else "url" if self.url else "embedded" if self.embedded else "system"

    @property
    def cost(self) -> str:
        """Its size and licence, to be known before a pull: `about 148 MB, MIT`."""
        size = f"about {readable(1e6 * self.size_mb)}" if self.size_mb else ""
        return ", ".join(filter(None, (size, self.licence)))

    def choose(self, names: Iterable[str]) -> list[str] | None:
        """Returns those of `names` that belong to the best complete alternative; None if none is complete."""
        names = list(names)
        return next((chosen for files in self.files if (chosen := files.choose(names)) is not None), None)


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A voice whose name is known even without its engine, since other programs have it built in."""

    name: str
    language: str
    gender: str


def engines() -> Mapping[str, EngineSpec]:
    """Returns the engines that keep models, in the order of lists."""
    by_name: dict[str, EngineSpec] = {}
    for spec in sorted(specs.every(), key=lambda spec: spec.listed):
        if spec.keeps_models:
            by_name.setdefault(spec.name, spec)
    return by_name


def engine(name: str) -> EngineSpec | None:
    """Returns the engine of that name, if it keeps models."""
    spec = specs.find(name)
    return spec if spec and spec.keeps_models else None


def voices(engine: str) -> Sequence[NamedVoice]:
    """Returns the voices of all of an engine's models; none for engines whose models are voices themselves."""
    spec = specs.find(engine, "tts")
    return tuple(
        NamedVoice(name, group["language"], group["gender"])
        for group in (spec.voices if spec else ())
        for name in group["names"].split()
    )


def models() -> dict[str, Known]:
    """Returns all known models by `ENGINE/NAME`, without aliases."""
    return {model: entry for spec in engines().values() for model, entry in well_known(spec).items()}


def of(engine: str) -> Iterator[Known]:
    """Yields the well-known models of an engine, and each alias as a separate model."""
    for known in _of(engine).values():
        for name in known.names:
            yield replace(known, name=name)


def find(model: str) -> Known | None:
    """Returns the model of that name or alias."""
    every = _of(model.partition("/")[0])
    if model in every:
        return every[model]
    return next((known for known in every.values() if model in (f"{known.engine}/{n}" for n in known.aliases)), None)


def hears(model: str, language: str, described: HearingDescription | None = None) -> bool | None:
    """Returns whether ENGINE/NAME hears a language, by its description, or else by the specs; None: nobody knows."""
    engine, _, name = model.partition("/")
    own = [entry.models for entry in described.engines if entry.name == engine] if described else []
    candidate = next((each for models in own for each in models if each.name == name), None) or find(model)
    tags = candidate.languages if candidate else ()
    return ("*" in tags or languages.is_among(language, tags)) if tags else None


def of_repository(name: str) -> Known | None:
    """Returns the only well-known model of a repository, by whose name some programs request it.
    A model in a second precision, whose name is the first's with a suffix, does not count."""
    every = [known for known in models().values() if name in (known.repository, *known.also)]
    entries = [known for known in every if not any(known.name.startswith(f"{other.name}-") for other in every)]
    return entries[0] if len(entries) == 1 else None


def canonical(model: str) -> str:
    """Returns the canonical name of `model`, which may be an alias."""
    known = find(model)
    return known.model if known else model


# --- models outside the catalogue: what their files tell, without loading them ---


def languages_of_files(engine_name: str, folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Returns the languages that a model's files name; empty if they name none, or cannot be read."""
    spec = engine(engine_name)
    try:
        return spec.languages(folder, files) if spec and spec.languages else ()
    except Exception:  # damaged files may raise anything
        return ()


def memory_of_files(engine_name: str, files: Mapping[str, int]) -> int:
    """Estimates a worker's peak memory by the sizes of the model's files in bytes; 0 for an unknown engine."""
    spec = engine(engine_name)
    if spec and spec.memory_mb:
        return round(spec.memory_mb(files))
    return _by_the_line(engine_name, sum(files.values()) / 1e6)


def _by_the_line(engine_name: str, size_mb: float) -> int:
    """Estimates the memory by the line through the engine's models in the catalogue."""
    known = sorted({(model.size_mb, model.memory_mb) for model in of(engine_name)})
    if not known:
        return 0
    if len(known) == 1:
        return max(0, round(known[0][1] + size_mb - known[0][0]))
    lines = list(pairwise(known))
    (low, less), (high, more) = next((line for line in lines if size_mb <= line[1][0]), lines[-1])
    return max(0, round(less + (size_mb - low) * (more - less) / (high - low)))


# --- the data --------------------------------------------------------------------------------------------------------


def _of(name: str) -> Mapping[str, Known]:
    spec = engine(name)
    return well_known(spec) if spec else {}


@cache
def well_known(spec: EngineSpec) -> dict[str, Known]:
    """Returns an engine's well-known models by `ENGINE/NAME`, without aliases."""
    return {
        (model := f"{spec.name}/{name}"): known(model, content, spec.layouts, spec.role)
        for name, content in spec.models.items()
    }


def known(model: str, content: Mapping[str, Any], layouts: Mapping[str, Mapping[str, Any]], role: str) -> Known:
    """Returns a model from its data.
    Its keys are those of `Known`, except `layout`, one of `layouts`, and `traits`, which are the engine's own."""
    engine, _, name = model.partition("/")
    if layout := layouts.get(content.get("layout", "")):
        alternatives, optional = layout["files"], layout.get("optional", ())
    else:
        alternatives, optional = [content["files"]] if "files" in content else [], content.get("optional", ())
    values = {
        **{key: value for key, value in content.items() if key not in ("layout", "optional", "traits")},
        "languages": tuple(content["languages"].split()),
        "aliases": tuple(content.get("aliases", ())),
        "also": tuple(content.get("also", ())),
        "system": tuple(content.get("system", ())),
        "files": tuple(_files(name, needed, optional) for needed in alternatives),
    }
    return Known(engine, name, role, **values)


def _files(name: str, needed: Iterable[str], optional: Iterable[str]) -> Files:
    patterns = tuple(pattern.replace("{name}", name) for pattern in needed)
    # A graph's weights may be in a file beside it.
    data = (f"{pattern}?data" for pattern in patterns if pattern.endswith(".onnx"))
    return Files(patterns, (*(pattern.replace("{name}", name) for pattern in optional), *data))


@cache
def _parts(pattern: str) -> list[str]:
    return re.split(r"(\*\*/|\*|\?)", pattern)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in _parts(pattern)))


def _matches(pattern: str, name: str) -> bool:
    first, *others = _parts(pattern)
    if not others or not (name.startswith(first) and name.endswith(others[-1])):
        return name == pattern  # most names: no pattern of theirs is compiled
    return _compiled(pattern).fullmatch(name) is not None

"""The well-known models of every engine: what they are, where they come from, what they cost. Data: the engines' specs.

A model there has a `layout`, the files it consists of: alternatives of patterns, the first that its source has whole
is taken. `{name}` in a pattern is the model's name, `*` and `?` stay within a folder, `**/` is any folder. Sizes are
10^6 bytes and about right: of makers' cards, or counted from parameters. Users add models in their configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from hushd_protocol.light_dataclass import dataclass, field, replace
from hushd_schema import engines as specs
from hushd_schema.engines import EngineSpec


@dataclass(frozen=True, slots=True)
class Files:
    """One way in which a model is whole: patterns that must each be there, and such as are taken if they are."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def choose(self, names: Iterable[str]) -> list[str] | None:
        """Those of `names` (paths with `/`) that belong to the model; None where one is missing."""
        names = sorted(names)
        matches = [[name for name in names if _matches(pattern, name)] for pattern in self.needed]
        if not all(matches):
            return None
        more = ([name for name in names if _matches(pattern, name)] for pattern in self.optional)
        return sorted({name for group in (*matches, *more) for name in group})


@dataclass(frozen=True, slots=True)
class Known:
    """A model that hushd knows how to get, or what to install for.

    Attributes:
        repository, revision: on the Hugging Face hub; a branch, which is resolved when it is pulled, or a commit.
        url: the address of a folder whose files have the names in `files`; neither: it comes with a package.
        files: the ways in which it is whole, the best first.
        sha256: of files whose hashes are known beforehand, by name.
        size_mb, memory_mb: on disk, and of a worker with it; about.
        speed: one of `SPEEDS`, on a CPU.
        aliases: other names of the same model.
        translation: whether it was trained to translate, where its engine can.
        voice: whether it is a further voice of its engine's model; no worker is started with it alone.
        package: what must be importable, for one that is embedded in it.
        system: patterns of paths, any of which is there where the system has brought it.
    """

    engine: str
    name: str
    role: str
    languages: tuple[str, ...] = ()
    size_mb: int = 0
    memory_mb: int = 0
    licence: str = ""
    speed: str = "medium"
    repository: str = ""
    revision: str = "main"
    url: str = ""
    files: tuple[Files, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    translation: bool = True
    voice: bool = False
    package: str = ""
    system: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        return f"{self.engine}/{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its other names."""
        return (self.name, *self.aliases)

    @property
    def embedded(self) -> bool:
        """True if its engine's package carries it."""
        return bool(self.package) and not self.system

    @property
    def kind(self) -> str:
        """`hub`, `url`, `embedded` or `system`."""
        return "hub" if self.repository else "url" if self.url else "embedded" if self.embedded else "system"

    @property
    def cost(self) -> str:
        """`about 148 MB, MIT`: what to know before it is pulled."""
        size = f"about {self.size_mb} MB" if self.size_mb < 1000 else f"about {self.size_mb / 1000:.1f} GB"
        return ", ".join(filter(None, (size if self.size_mb else "", self.licence)))

    def choose(self, names: Iterable[str]) -> list[str] | None:
        """Those of `names` that the best whole alternative has; None where none is whole."""
        names = list(names)
        return next((chosen for files in self.files if (chosen := files.choose(names)) is not None), None)


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A voice whose name is known whether its engine is here or not, since other programs have it built in.

    Attributes:
        language: a tag such as en-US.
    """

    name: str
    language: str
    gender: str


def engines() -> Mapping[str, EngineSpec]:
    """Those that keep models, in the order in which lists have them."""
    by_name: dict[str, EngineSpec] = {}
    for spec in sorted(specs.every(), key=lambda spec: spec.listed):
        if spec.keeps_models:
            by_name.setdefault(spec.name, spec)
    return by_name


def engine(name: str) -> EngineSpec | None:
    """The engine of that name, if it keeps models."""
    spec = specs.find(name)
    return spec if spec and spec.keeps_models else None


def recommended() -> Sequence[str]:
    """The models to begin with, the first that speaks a language before the others."""
    first = [
        (model.begin, f"{spec.name}/{model.model}")
        for spec in engines().values()
        for model in spec.recommended
        if model.begin
    ]
    return tuple(model for _, model in sorted(first))


def voices(engine: str) -> Sequence[NamedVoice]:
    """The voices that go with any model of an engine; none for engines whose models are voices themselves."""
    spec = specs.find(engine, "tts")
    return tuple(
        NamedVoice(name, group["language"], group["gender"])
        for group in (spec.voices if spec else ())
        for name in group["names"].split()
    )


def models(added: Mapping[str, Known] | None = None) -> dict[str, Known]:
    """All known models by `ENGINE/NAME`, without aliases; those `added` (see `own_models`) come last, or instead."""
    known = {model: entry for spec in engines().values() for model, entry in well_known(spec).items()}
    return {**known, **(added or {})}


def of(engine: str) -> Iterator[Known]:
    """The well-known models of an engine, and each alias as a model of its own."""
    for known in _of(engine).values():
        for name in known.names:
            yield replace(known, name=name)


def find(model: str, added: Mapping[str, Known] | None = None) -> Known | None:
    """The model of that name or alias."""
    every = {**_of(model.partition("/")[0]), **(added or {})}
    if model in every:
        return every[model]
    return next((known for known in every.values() if model in (f"{known.engine}/{n}" for n in known.aliases)), None)


def of_repository(name: str) -> Known | None:
    """The one well-known model that comes from a repository, whose name programs have built in for it."""
    brought = [known for known in models().values() if known.repository == name]
    return brought[0] if len(brought) == 1 else None


def canonical(model: str) -> str:
    """`model` under the name that it is kept by."""
    known = find(model)
    return known.model if known else model


# --- the data --------------------------------------------------------------------------------------------------------


def _of(name: str) -> Mapping[str, Known]:
    spec = engine(name)
    return well_known(spec) if spec else {}


@cache
def well_known(spec: EngineSpec) -> dict[str, Known]:
    """An engine's well-known models by `ENGINE/NAME`, without aliases."""
    return {
        (model := f"{spec.name}/{name}"): known(model, content, spec.layouts, spec.role)
        for name, content in spec.models.items()
    }


def known(model: str, content: Mapping[str, Any], layouts: Mapping[str, Mapping[str, Any]], role: str) -> Known:
    """A model as the data has it: its keys are `Known`'s, but for `layout`, one of `layouts`."""
    engine, _, name = model.partition("/")
    if layout := layouts.get(content.get("layout", "")):
        alternatives, optional = layout["files"], layout.get("optional", ())
    else:
        alternatives, optional = [content["files"]] if "files" in content else [], content.get("optional", ())
    values = {
        **{key: value for key, value in content.items() if key not in ("layout", "optional", "role")},
        "languages": tuple(content["languages"].split()),
        "aliases": tuple(content.get("aliases", ())),
        "system": tuple(content.get("system", ())),
        "files": tuple(_files(name, needed, optional) for needed in alternatives),
    }
    return Known(engine, name, content.get("role", role), **values)


def _files(name: str, needed: Iterable[str], optional: Iterable[str]) -> Files:
    patterns = tuple(pattern.replace("{name}", name) for pattern in needed)
    # A graph's weights may lie beside it.
    data = (f"{pattern}?data" for pattern in patterns if pattern.endswith(".onnx"))
    return Files(patterns, (*(pattern.replace("{name}", name) for pattern in optional), *data))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))


def _matches(pattern: str, name: str) -> bool:
    return _compiled(pattern).fullmatch(name) is not None

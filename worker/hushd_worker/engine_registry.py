"""Finds engines by name: hushd's own, and other packages', by their specs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from hushd_models.installation import engine_needed
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_schema import engines
from hushd_schema.description import OF_ROLE
from hushd_schema.entry_points import loaded
from msgspec.structs import replace

if TYPE_CHECKING:
    from hushd_schema.description import EngineDescription, RoleDescription

E = TypeVar("E")
D = TypeVar("D", bound="EngineDescription")


@dataclass(frozen=True, slots=True)
class EngineRegistry(Generic[E, D]):
    """The engines of one role.

    Attributes:
        role: `stt` or `tts`.
        kind: the role in words, for messages.
        describe_engine: returns an engine's description, without loading anything.
        max_bytes: the maximum size of the entries as JSON: both roles' descriptions must fit into one answer of the
            supervisor, 64 KiB of msgpack, or about 95 kB of JSON.
        shorten: the steps to shorten the entries, applied one after another while they are larger.
    """

    role: str
    kind: str
    contract: type
    describe_engine: Callable[[type[E]], D]
    max_bytes: int
    shorten: Sequence[Callable[[D], D]]

    def find(self, name: str) -> type[E]:
        """Returns the engine class of that name. Raises `engine_missing` if there is none, or it does not import."""
        if (spec := engines.find(name, self.role)) is None:
            if needed := engine_needed(name):
                raise HushdError("engine_missing", needed)
            known = sorted(each.name for each in engines.every(self.role))
            raise HushdError(
                "engine_missing",
                f"There is no {self.kind} engine {quoted(name)}{did_you_mean(name, known)}: use {listed(known)}, "
                f"or install a package that adds one (entry point group {engines.GROUP}).",
            )
        try:
            return self._import(spec.engine)
        except Exception as error:
            raise HushdError(
                "engine_missing",
                f"The {self.kind} engine {name!r} cannot be imported ({_first_line(error)}): reinstall its package.",
            ) from error

    def describe(self) -> RoleDescription:
        """Describes all engines, except for those that cannot be imported or described, which it names on standard
        error."""
        return OF_ROLE[self.role](role=self.role, version=__version__, engines=self.engines())

    def engines(self) -> tuple[D, ...]:
        """Returns the engines for `describe`."""
        entries = tuple(self._entries())
        for step in self.shorten:
            if _size(entries) <= self.max_bytes:
                break
            entries = tuple(map(step, entries))
        return entries

    def _entries(self) -> Iterator[D]:
        for spec in engines.every(self.role):
            try:
                entry = replace(self.describe_engine(self._import(spec.engine)), name=spec.name)
                yield entry.from_data(entry.data(), "its description")
            except Exception as error:
                print(f"hushd: the engine {spec.name!r} cannot be imported ({_first_line(error)}).", file=sys.stderr)

    def _import(self, reference: str) -> type[E]:
        engine: type[E] = loaded(reference)
        if not (isinstance(engine, type) and issubclass(engine, self.contract)):
            raise TypeError(f"{reference} is not a subclass of {self.contract.__module__}.{self.contract.__qualname__}")
        return engine


def choose_model(engine: str, asked: str, default: str, known: Sequence[str]) -> str:
    """Returns the model that `asked` names; `default` means the engine's default model. Raises `model_missing` if the
    engine has no such model."""
    if asked == "default":
        return default
    if asked in known:
        return asked
    there_is = f"use {listed(known)}" if known else "none is installed"
    raise HushdError("model_missing", f"{engine} has no model {quoted(asked)}{did_you_mean(asked, known)}: {there_is}.")


def _size(entries: Iterable[EngineDescription]) -> int:
    return len(json.dumps([entry.data() for entry in entries], ensure_ascii=False).encode())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

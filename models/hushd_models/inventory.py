"""Lists the models on this machine and those available: by the catalogue, the manifests, and other files there.

It only looks at files: it uses no network and imports no engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest
from hushd_protocol.system.paths import user_cache

from . import catalogue, hf_cache, languages, word_errors
from .catalogue import Known
from .installation import engine_installed, engine_needed
from .manifest import Manifest, split
from .store import Store
from .weights import files_in

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    Attributes:
        state: `installed`; `embedded` in an installed package; `broken`: a file that hushd installed is missing or has
            another size, or its manifest cannot be read; `half`: an unfinished download; `absent`.
        origin: its source: `hushd`, `hub` (Hugging Face's cache), `package` (the cache of its engine's package, or
            embedded), `user` (copied into the models folder by hand), `system`, or empty.
        folder: the folder of its files; None if there are none.
        files: its files, relative to `folder`.
        size: its bytes on disk.
    """

    model: str
    role: str
    state: str
    origin: str = ""
    folder: Path | None = None
    files: tuple[str, ...] = ()
    size: int = 0
    known: Known | None = None
    manifest: Manifest | None = None
    problem: str = ""

    @property
    def engine(self) -> str:
        return self.model.partition("/")[0]

    @property
    def usable(self) -> bool:
        return self.state in ("installed", "embedded")

    @property
    def path(self) -> Path | None:
        """Its only file, or its folder."""
        if self.folder is None or len(self.files) != 1:
            return self.folder
        return self.folder / self.files[0]

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.files] if self.folder else []

    @property
    def licence(self) -> str:
        return (self.manifest.licence if self.manifest else "") or (self.known.licence if self.known else "")

    @property
    def languages(self) -> tuple[str, ...]:
        """The tags of its languages; for the user's own model, as its files name them."""
        if self.known and self.known.languages:
            return self.known.languages
        return catalogue.languages_of_files(self.engine, self.folder, self.files) if self.folder else ()

    @property
    def memory_mb(self) -> int:
        """The approximate memory of a worker with it; 0 if unknown."""
        if self.known and self.known.memory_mb:
            return self.known.memory_mb
        return catalogue.memory_of_files(self.engine, self._sizes()) if self.size else 0

    def _sizes(self) -> dict[str, int]:
        """Returns the sizes of its existing files."""
        sizes = {}
        for name, path in zip(self.files, self.paths, strict=True):
            with contextlib.suppress(OSError):
                sizes[name] = path.stat().st_size
        return sizes

    def as_json(self) -> JsonObject:
        """Returns the row for programs; sizes are in MB (10^6 bytes), the catalogue's if the model is not installed."""
        known = self.known
        return {
            "name": self.model,
            "role": self.role,
            "state": self.state,
            "origin": self.origin,
            "size_mb": round(self.size / 1e6, 1) if self.size else known.size_mb if known else 0,
            "memory_mb": self.memory_mb,
            "languages": list(self.languages),
            "licence": self.licence,
            "speed": known.speed if known else "",
            "word_errors": dict(word_errors.by_language(known.word_errors)) if known else {},
            "word_errors_source": known.word_errors_source if known else "",
            "path": str(self.path) if self.path else "",
            "problem": self.problem,
            "aliases": list(known.aliases) if known else [],
        }


def rows(store: Store) -> list[Row]:
    """Returns all models, by engine in the catalogue's order, the user's own after an engine's well-known ones."""
    models = _rows(store, _Look(store), "*", catalogue.engines(), catalogue.models())
    order = {engine: number for number, engine in enumerate(catalogue.engines())}
    return sorted(models, key=lambda row: order.get(row.engine, len(order)))


def _rows(
    store: Store, look: _Look, pattern: str, engines: Mapping[str, EngineSpec], known: Mapping[str, Known]
) -> list[Row]:
    """Returns the models of the engines that match `pattern`: the known ones, and others on this machine."""
    manifests, begun = store.kept(pattern), set(store.unfinished(pattern))
    by_model = {
        model: _row(store, look, model, entry, manifests.get(model), model in begun) for model, entry in known.items()
    }
    for model in (*manifests, *begun, *look.own(engines)):
        if model not in by_model:
            # A model under an alias is listed separately, with the same catalogue entry.
            entry = _row(store, look, model, None, manifests.get(model), model in begun)
            by_model[model] = replace(entry, known=catalogue.find(model))
    return list(by_model.values())


def serves(store: Store, role: str, language: str | None) -> bool:
    """Returns whether a model is installed, with its engine, that hears or speaks `language`, or None: hears several.
    The files of the user's own models, which tell their languages, are read only if no well-known one does."""
    return any(serving(store, role, language))


def serving(store: Store, role: str, language: str | None) -> Iterator[Row]:
    """Yields the models of which `serves` speaks."""
    engines = {name: spec for name, spec in catalogue.engines().items() if spec.role == role}
    known = {model: entry for model, entry in catalogue.models().items() if entry.engine in engines}
    for each in _rows(store, _Look(store), "*", engines, known):
        if (
            each.usable
            and each.role == role
            and engine_installed(engines[each.engine])
            and (languages.is_among(language, each.languages) if language else _tells_several(each))
        ):
            yield each


def _tells_several(row: Row) -> bool:
    """Returns whether a model hears several languages without being told which one it is."""
    return len(row.languages) != 1 and not (row.known and row.known.needs_language)


def row(store: Store, model: str) -> Row:
    """Returns one model by its name or alias, or by its name alone if only one engine has it.
    Raises `model_missing` for a model that is neither known nor installed."""
    every = rows(store)
    by_name = {entry.model: entry for entry in every}
    meant = catalogue.find(model)
    if match := by_name.get(model) or by_name.get(meant.model if meant else ""):
        return match
    alone = [entry for entry in every if model in _names(entry)]
    if len(alone) == 1:
        return alone[0]
    if (engine := model.partition("/")[0]) not in catalogue.engines() and (needed := engine_needed(engine)):
        raise HushdError("engine_missing", needed)
    raise HushdError("model_missing", f"There is no model {model!r:.80}: {_meant(model, every, alone)}")


def _row(
    store: Store, look: _Look, model: str, known: Known | None, manifest: Manifest | HushdError | None, begun: bool
) -> Row:
    spec = catalogue.engine(model.partition("/")[0])
    role = spec.role if spec else known.role if known else ""
    if isinstance(manifest, Manifest):
        gone, folder = store.missing(manifest), store.location(manifest)
        problem = f"{folder / gone[0]} is missing or has changed" if gone else ""
        state = "broken" if gone else "installed"
        role, files = manifest.role, tuple(sorted(manifest.files))
        return Row(model, role, state, "hushd", folder, files, manifest.size, known, manifest, problem)
    for origin, place, names in look.places(model, known):
        chosen = known.choose(names) if known else list(names)
        if chosen:
            size = sum(names[name] for name in chosen)
            if manifest is not None:
                return Row(model, role, "broken", "hushd", place, tuple(chosen), size, known, problem=str(manifest))
            return Row(model, role, "installed", origin, place, tuple(chosen), size, known)
    if manifest is not None:
        return Row(model, role, "broken", "hushd", known=known, problem=str(manifest))
    if begun:
        return Row(model, role, "half", "hushd", known=known)
    if known and known.package and (package := find_spec(known.package)):
        places = package.submodule_search_locations
        return Row(model, role, "embedded", "package", Path(places[0]) if places else None, known=known)
    if known and any(glob(pattern) for pattern in known.system):
        return Row(model, role, "installed", "system", known=known)
    return Row(model, role, "absent", known=known)


class _Look:
    """Looks at folders, at each of them once, and at those of an engine only if it has one."""

    def __init__(self, store: Store) -> None:
        self._folder = store.folder
        self._engines = {Path(path).name for path in glob("*/", root_dir=store.folder)}
        self._names = cache(files_in)
        self._repositories = hf_cache.repositories()
        self._caches = user_cache()

    def in_hub(self, known: Known) -> bool:
        """Returns whether Hugging Face's cache has anything of a model's repository."""
        return known.repository in self._repositories

    def places(self, model: str, known: Known | None) -> Iterator[tuple[str, Path, dict[str, int]]]:
        """Yields the places of a model that hushd has not installed, by preference: the origin, the folder, and the
        files with their sizes."""
        engine, _, name = model.partition("/")
        spec = catalogue.engine(engine)
        if engine in self._engines:
            folder = self._folder / engine
            if spec and spec.flat:
                names = self._names(folder, False)
                if not known:  # a file is that of the longest name with which it begins: NAME.big.onnx is not NAME's
                    longer = (Path(path).stem for path in glob(spec.own, root_dir=folder))
                    others = tuple(f"{other}." for other in longer if other.startswith(f"{name}."))
                    own = (n for n in names if n.startswith(f"{name}.") and not n.startswith(others))
                    names = {n: names[n] for n in own}
                yield "user", folder, names
            else:
                yield "user", folder / name, self._names(folder / name, True)
        if known and self.in_hub(known) and (snapshot := hf_cache.snapshot(known.repository, known.revision)):
            yield "hub", snapshot, self._names(snapshot, True)
        if known and spec and spec.cache:
            place = self._caches / spec.cache
            yield "package", place, self._names(place, False)

    def own(self, engines: Mapping[str, EngineSpec]) -> Iterator[str]:
        """Yields, for each file, the model that the user has copied into the models folder, under any name."""
        for engine, spec in engines.items():
            if spec.own and engine in self._engines:
                for path in sorted(glob(spec.own, root_dir=self._folder / engine)):
                    name = Path(path).stem if spec.flat else path.partition("/")[0]
                    model = f"{engine}/{name}"
                    try:
                        split(model)
                    except HushdError:
                        continue  # no engine takes it
                    yield model


def _names(model: Row) -> tuple[str, ...]:
    return model.known.names if model.known else (model.model.partition("/")[2],)


def _meant(model: str, every: list[Row], alone: list[Row]) -> str:
    if alone:
        return f"say which, {' or '.join(known.model for known in alone)}."
    words = {known.model: known.model for known in every} | {
        name: known.model for known in every for name in _names(known)
    }
    close = nearest(model, words)
    return f"did you mean {words[close]}?" if close else "`hushd models list` shows them."

"""Checks a configuration for `hushd config check`.

It checks more than a supervisor does at its start. A supervisor accepts any engine and model, and reads no package
metadata, which would take 40 ms: the worker reports a missing engine or model itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_protocol.system import paths
from hushd_schema import engines
from hushd_schema.settings import HTTP_TOKEN, Settings, access, load

from . import languages
from .installation import engine_needed
from .inventory import rows
from .store import Store


def check(path: Path) -> None:
    """Checks the file at `path`: its settings, their engines and models, and the addresses.
    Raises `bad_request` with the first mistake; `engine_missing` if an address needs packages that are not
    installed."""
    settings = load(path)
    _check_names(settings, path)
    token = os.environ.get(HTTP_TOKEN, "") or access.read_token(settings)
    for address in access.addresses(settings):
        access.check(address, settings, token)


def _check_names(settings: Settings, file: Path) -> None:
    """Checks every language, engine and model in `settings`, except those with the user's own `command`."""
    for language in settings.languages:
        if not languages.is_language(language):
            raise HushdError(
                "bad_request",
                f"{file}: languages names {quoted(language)}, which is not a language: write fr, pt-BR or French.",
            )
    models = _models()
    for role in ENGINE_ROLES:
        known = _installed(role)
        for where, name in _named(settings, role):
            _, engine, *model = name.split("/")
            if settings.for_worker(name).command:
                continue
            if known and engine not in known and (needed := engine_needed(engine)):
                raise HushdError("bad_request", f"{file}: {where} names the engine {engine}: {needed}")
            if known and engine not in known:
                raise HushdError(
                    "bad_request",
                    f"{file}: {where} names the engine {quoted(engine)}, which is not installed"
                    f"{did_you_mean(engine, known)}: use {listed(sorted(known))}, or set its command.",
                )
            if model and engine in models and model[0] not in models[engine]:
                raise HushdError(
                    "bad_request",
                    f"{file}: {where} names the model {quoted(model[0])} of {engine}, which is neither known nor "
                    f"installed{did_you_mean(model[0], models[engine])}: `hushd models list {engine}` shows them.",
                )


def _models() -> dict[str, set[str]]:
    """Returns the models by engine: well-known ones, and installed ones."""
    names: dict[str, set[str]] = {}
    for row in rows(Store(paths.find())):
        engine, _, name = row.model.partition("/")
        names.setdefault(engine, set()).update((name, *(row.known.names if row.known else ())))
    return names


def _installed(role: str) -> set[str]:
    """Returns the engines of a role: hushd's own, and those of other packages."""
    return {spec.name for spec in engines.every(role)}


def _named(settings: Settings, role: str) -> Iterator[tuple[str, str]]:
    """Yields the keys that name engines of a role, with the workers that they name."""
    yield role, f"{role}/{settings.default_model(role)}"
    for language, model in settings.by_language(role).items():
        yield f"{role}_by_language.{language}", f"{role}/{model}"
    for name in settings.worker:
        if name.startswith(f"{role}/"):
            yield f'worker."{name}"', name

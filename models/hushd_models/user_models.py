"""Reads the models that users add in their configuration, `[models."ENGINE/NAME"]`, with strict checks."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system import paths
from hushd_schema import kinds, toml
from hushd_schema.kinds import check
from hushd_schema.toml import Table

from . import advice, catalogue, languages
from .catalogue import Known, known
from .installation import engine_needed
from .manifest import split


def configured(path: Path) -> dict[str, Known]:
    """Returns the models in the configuration file at `path`, without reading its other settings.

    Raises:
        HushdError: `bad_request`, naming the file.
    """
    content = toml.load(path, "models")
    try:
        return checked(content.get("models", {}))
    except HushdError as error:
        raise HushdError("bad_request", f"{path}: {error.message}") from error


def engines_elsewhere(path: Path) -> frozenset[str]:
    """Returns the engines for which the configuration file at `path` has its own command, such as chatterbox in
    another environment; none if it cannot be read."""
    try:
        workers = toml.load(path, "command").get("worker", {})
    except HushdError:
        return frozenset()
    if not isinstance(workers, dict):
        return frozenset()
    tables = {name: table for name, table in workers.items() if isinstance(table, dict) and "command" in table}
    return frozenset(name.split("/")[1] for name in tables if "/" in name)


def missing(model: str) -> HushdError | None:
    """Returns the error for a model that is configured, but not installed; else None.

    Raises as `configured` does.
    """
    added = configured(paths.find().config)
    return advice.missing(model, added) if model in added else None


def checked(table: object) -> dict[str, Known]:
    """Checks `[models."ENGINE/NAME"]` of a configuration and returns the models.

    Raises:
        HushdError: `bad_request`; the sentence follows the file's name and `: `.
    """
    if table == {}:
        return {}  # the usual case

    tables: Table = check("models", table, kinds.TABLE)
    return {model: _known_of_user(model, content) for model, content in tables.items()}


def _known_of_user(model: str, content: object) -> Known:
    where = f"models.{toml.key(model)}"
    engine, _ = split(model)
    spec = catalogue.engine(engine)
    if spec is None:
        hint = did_you_mean(engine, catalogue.engines()) or f": known are {', '.join(sorted(catalogue.engines()))}"
        raise HushdError("bad_request", engine_needed(engine) or f"there is no engine {where}{hint}.")
    if not spec.own:
        raise HushdError("bad_request", f"{where} is not possible: {engine} has only the models of its package.")
    from hushd_schema.settings import own_models

    own = own_models.checked(model, content)
    return known(model, {**own, "languages": " ".join(own.get("languages", ()))}, {}, spec.role)


def own_languages(path: Path) -> list[str]:
    """Returns the codes of the languages that the user speaks, the one most used first: those of the configuration at
    `path`, else the session's; none where neither names one."""
    try:
        own = toml.load(path, "languages").get("languages")
    except HushdError:  # whoever reads the whole configuration says so
        own = None
    named = [languages.code(each) for each in own if isinstance(each, str)] if isinstance(own, list) else []
    return named or languages.of_session()

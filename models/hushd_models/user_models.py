"""Models that users add to the catalogue, in their configuration: `[models."ENGINE/NAME"]`, strictly checked."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system import paths
from hushd_schema import kinds, toml
from hushd_schema.kinds import check
from hushd_schema.toml import Table

from . import advice, catalogue
from .catalogue import Known, known
from .manifest import split


def configured(path: Path) -> dict[str, Known]:
    """Those in the configuration file at `path`, of which nothing else is looked at; none where there is no file.

    Raises:
        HushdError: `bad_request`, naming the file.
    """
    content = toml.load(path, "models")
    try:
        return checked(content.get("models", {}))
    except HushdError as error:
        raise HushdError("bad_request", f"{path}: {error.message}") from error


def engines_elsewhere(path: Path) -> frozenset[str]:
    """The engines whose workers the configuration file at `path` starts by a command of its own, as chatterbox's in an
    environment of its own; none where it cannot be read."""
    try:
        workers = toml.load(path, "command").get("worker", {})
    except HushdError:
        return frozenset()
    if not isinstance(workers, dict):
        return frozenset()
    tables = {name: table for name, table in workers.items() if isinstance(table, dict) and "command" in table}
    return frozenset(name.split("/")[1] for name in tables if "/" in name)


def missing(model: str) -> HushdError | None:
    """Returns the error for a model of the configuration that is not on this machine; None for one that is not there.

    Raises as `configured` does.
    """
    added = configured(paths.find().config)
    return advice.missing(model, added) if model in added else None


def checked(table: object) -> dict[str, Known]:
    """The models of `[models."ENGINE/NAME"]` in a configuration.

    Raises:
        HushdError: `bad_request`; the sentence is to be read after the file's name and `: `.
    """
    if table == {}:
        return {}  # as most have it

    tables: Table = check("models", table, kinds.TABLE)
    return {model: _known_of_user(model, content) for model, content in tables.items()}


def _known_of_user(model: str, content: object) -> Known:
    where = f"models.{toml.key(model)}"
    engine, _ = split(model)
    spec = catalogue.engine(engine)
    if spec is None:
        hint = did_you_mean(engine, catalogue.engines()) or f": known are {', '.join(sorted(catalogue.engines()))}"
        raise HushdError("bad_request", f"there is no engine {where}{hint}.")
    if not spec.own:
        raise HushdError("bad_request", f"{where} cannot be: {engine} has the models of its package and no others.")
    from hushd_schema.settings import own_models

    own = own_models.checked(model, content)
    return known(model, {**own, "languages": " ".join(own.get("languages", ()))}, {}, spec.role)

"""Models that users add to the catalogue, in their configuration: `[models."ENGINE/NAME"]`, strictly checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system import paths

from . import advice, toml
from .catalogue import SPEEDS, Known, engines, known
from .manifest import split
from .params import Kind, check, choice, text, texts, whole

_SHA256 = re.compile("[0-9a-f]{64}")
_UNSAFE = re.compile(r"(^|/)\.\.(/|$)|^/|\0|\\")


def _matching(pattern: str, wanted: str) -> Kind:
    return Kind(wanted, lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None)


_FILES = Kind(
    "a list of files below the model's folder",
    lambda value: (
        isinstance(value, list) and all(isinstance(word, str) and word and not _UNSAFE.search(word) for word in value)
    ),
)
_KINDS = {
    "repository": _matching(r"[\w.-]+/[\w.-]+", 'a repository of the hub, such as "Systran/faster-whisper-base"'),
    "url": _matching(r"https?://.+", "the address of a folder, http or https"),
    "revision": _matching(r"[\w.+-]+", "a branch, a tag or a commit"),
    "files": _FILES,
    "optional": _FILES,
    "sha256": Kind(
        'a table of files\' hashes, such as { "model.bin" = "9f86…" }',
        lambda value: (
            isinstance(value, dict)
            and all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in value.values())
        ),
    ),
    "size_mb": whole(0),
    "memory_mb": whole(0),
    "languages": texts(),
    "licence": text(),
    "speed": choice(*SPEEDS),
}
_TABLE = Kind("a table", lambda value: isinstance(value, dict))


def configured(path: Path) -> dict[str, Known]:
    """Those in the configuration file at `path`, of which nothing else is looked at; none where there is no file.

    Raises:
        HushdError: `bad_request`, naming the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error}).") from error
    if "models" not in text:
        return {}
    try:
        return checked(toml.loads(text).get("models", {}))
    except ValueError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
    except HushdError as error:
        raise HushdError("bad_request", f"{path}: {error.message}") from error


def engines_elsewhere(path: Path) -> frozenset[str]:
    """The engines whose workers the configuration file at `path` starts by a command of its own, as chatterbox's in an
    environment of its own; none where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        if "command" not in text:
            return frozenset()
        workers = toml.loads(text).get("worker", {})
    except (OSError, ValueError):
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
    tables: dict[str, Any] = check("models", table, _TABLE)
    return {model: _known_of_user(model, content) for model, content in tables.items()}


def _known_of_user(model: str, content: Any) -> Known:
    where = f"models.{toml.key(model)}"
    engine, _ = split(model)
    if engine not in engines():
        raise _unknown(where, engine, engines(), "engine")
    if not engines()[engine].own:
        raise HushdError("bad_request", f"{where} cannot be: {engine} has the models of its package and no others.")
    check(where, content, _TABLE)
    for key, value in content.items():
        if key not in _KINDS:
            raise _unknown(f"{where}.{toml.key(key)}", key, _KINDS, "key")
        check(f"{where}.{toml.key(key)}", value, _KINDS[key])
    if ("repository" in content) == ("url" in content):
        raise HushdError("bad_request", f"{where} needs either repository or url.")
    if not content.get("files"):
        raise HushdError("bad_request", f'{where} needs files, such as ["model.bin", "*.json"].')
    if "url" in content and any(sign in name for name in content["files"] for sign in "*?"):
        raise HushdError("bad_request", f"{where}.files must name each file of a url: * and ? are for the hub's.")
    return known(model, {**content, "languages": " ".join(content.get("languages", ()))}, {})


def _unknown(where: str, key: str, known: Iterable[str], what: str) -> HushdError:
    hint = did_you_mean(key, known) or f": known are {', '.join(sorted(known))}"
    return HushdError("bad_request", f"there is no {what} {where}{hint}.")

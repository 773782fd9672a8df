"""Models that users add to the catalogue, in their configuration: `[models."ENGINE/NAME"]`, strictly checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest
from hushd_protocol.system import paths

from . import advice
from .catalogue import SPEEDS, Known, engines, known
from .manifest import split

_UNSAFE = re.compile(r"(^|/)\.\.(/|$)|^/|\0|\\")
_KEYS = (
    "repository", "url", "revision", "files", "optional", "sha256", "size_mb", "memory_mb", "languages", "licence",
    "speed",
)  # fmt: skip


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
    import tomllib  # not needed by most

    try:
        return checked(tomllib.loads(text).get("models", {}))
    except tomllib.TOMLDecodeError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
    except HushdError as error:
        raise HushdError("bad_request", f"{path}: {error.message}") from error


def missing(model: str) -> HushdError | None:
    """That a model of the configuration is not on this machine, and how to get it; None for one that is not there.

    Raises as `configured` does.
    """
    added = configured(paths.find().config)
    return advice.missing(model, added) if model in added else None


def checked(table: object) -> dict[str, Known]:
    """The models of `[models."ENGINE/NAME"]` in a configuration.

    Raises:
        HushdError: `bad_request`; the sentence is to be read after the file's name and `: `.
    """
    if not isinstance(table, dict):
        raise _wrong("models", "a table", table)
    return {model: _known_of_user(model, content) for model, content in table.items()}


def _known_of_user(model: str, content: object) -> Known:
    where = f'models."{model}"'
    engine, _ = split(model)
    if engine not in engines():
        raise _unknown(where, engine, engines(), "engine")
    if not engines()[engine].own:
        raise HushdError("bad_request", f"{where} cannot be: {engine} has the models of its package and no others.")
    if not isinstance(content, dict):
        raise _wrong(where, "a table", content)
    for key, value in content.items():
        match key:
            case "files" | "optional" | "languages":
                good = isinstance(value, list) and all(isinstance(word, str) and word for word in value)
                wanted = "a list of strings"
                if good and key != "languages":
                    good = not any(_UNSAFE.search(word) for word in value)
                    wanted = "a list of files below the model's folder"
            case "size_mb" | "memory_mb":
                good, wanted = isinstance(value, int) and not isinstance(value, bool) and value >= 0, "a whole number"
            case "sha256":
                good = isinstance(value, dict) and all(
                    isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) for digest in value.values()
                )
                wanted = 'a table of files\' hashes, such as { "model.bin" = "9f86…" }'
            case "speed":
                good, wanted = value in SPEEDS, f"one of {', '.join(SPEEDS)}"
            case "repository":
                good = isinstance(value, str) and bool(re.fullmatch(r"[\w.-]+/[\w.-]+", value, re.ASCII))
                wanted = 'a repository of the hub, such as "Systran/faster-whisper-base"'
            case "url":
                good = isinstance(value, str) and bool(re.match("https?://.", value))
                wanted = "the address of a folder, http or https"
            case "revision":
                good = isinstance(value, str) and bool(re.fullmatch(r"[\w.+-]+", value, re.ASCII))
                wanted = "a branch, a tag or a commit"
            case "licence":
                good, wanted = isinstance(value, str), "a string"
            case _:
                raise _unknown(f"{where}.{key}", key, _KEYS, "key")
        if not good:
            raise _wrong(f"{where}.{key}", wanted, value)
    if ("repository" in content) == ("url" in content):
        raise HushdError("bad_request", f"{where} needs either repository or url.")
    if not content.get("files"):
        raise HushdError("bad_request", f'{where} needs files, such as ["model.bin", "*.json"].')
    if "url" in content and any(sign in name for name in content["files"] for sign in "*?"):
        raise HushdError("bad_request", f"{where}.files must name each file of a url: * and ? are for the hub's.")
    return known(model, {**content, "languages": " ".join(content.get("languages", ()))}, {})


def _wrong(where: str, wanted: str, value: object) -> HushdError:
    return HushdError("bad_request", f"{where} must be {wanted}, not {value!r:.60}.")


def _unknown(where: str, key: str, known: Iterable[str], what: str) -> HushdError:
    close = nearest(key, known)
    hint = f"did you mean {close}?" if close else f"known are {', '.join(sorted(known))}."
    return HushdError("bad_request", f"there is no {what} {where}: {hint}")

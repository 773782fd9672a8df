"""The tables `[models."ENGINE/NAME"]`: the user's own models, besides the well-known ones.

They do not check that the engine exists and takes such models: `hushd_models.user_models` and `hushd config check` do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.suggest import did_you_mean

from hushd_schema import toml
from hushd_schema.kinds import TABLE, Kind, check, texts, whole

from .declaration import setting, settings_of

_SHA256 = re.compile("[0-9a-f]{64}")
_UNSAFE = re.compile(r"(^|/)\.\.(/|$)|^/|\0|\\")


def _matching(pattern: str, must_be: str) -> Kind:
    return Kind(must_be, lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None)


_FILES = Kind(
    "a list of files below the model's folder",
    lambda value: (
        isinstance(value, list) and all(isinstance(word, str) and word and not _UNSAFE.search(word) for word in value)
    ),
)
_HASHES = Kind(
    'a table of files\' hashes, such as { "model.bin" = "9f86…" }',
    lambda value: (
        isinstance(value, dict)
        and all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in value.values())
    ),
)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A table `[models."ENGINE/NAME"]`: a model that `hushd models pull` can get, besides the well-known ones."""

    repository: str = setting(
        "",
        _matching(r"[\w.-]+/[\w.-]+", 'a repository of the hub, such as "Systran/faster-whisper-base"'),
        "on the Hugging Face hub; this or a url is required",
    )
    url: str = setting(
        "", _matching(r"https?://.+", "the address of a folder, http or https"), "of a folder, which holds the files"
    )
    revision: str = setting(
        "main", _matching(r"[\w.+-]+", "a branch, a tag or a commit"), "of the repository: a branch, a tag, or a commit"
    )
    files: Sequence[str] = setting(
        (), _FILES, "required: without these it is incomplete; names on the hub may contain *, ? and **/"
    )
    optional: Sequence[str] = setting((), _FILES, "taken if they exist")
    sha256: Mapping[str, str] = setting({}, _HASHES, "of files whose hashes are known, by name")
    size_mb: int = setting(0, whole(0), "shown before it is pulled; 10^6 bytes")
    languages: Sequence[str] = setting((), texts(), "that it knows, as tags such as de")


def checked(model: str, content: object) -> Mapping[str, Any]:
    """Checks the table of a model and returns it unchanged.

    Raises:
        HushdError: `bad_request`; its sentence follows the file's name and `: `.
    """
    where = f"models.{toml.key(model)}"
    table: Mapping[str, Any] = check(where, content, TABLE)
    known = settings_of(ModelSettings)
    for key, value in table.items():
        if key not in known:
            hint = did_you_mean(key, known) or f": known are {', '.join(sorted(known))}"
            raise HushdError("bad_request", f"there is no key {where}.{toml.key(key)}{hint}.")
        check(f"{where}.{toml.key(key)}", value, known[key].kind)
    if ("repository" in table) == ("url" in table):
        raise HushdError("bad_request", f"{where} needs either repository or url.")
    if not table.get("files"):
        raise HushdError("bad_request", f'{where} needs files, such as ["model.bin", "*.json"].')
    if "url" in table and any(sign in name for name in table["files"] for sign in "*?"):
        raise HushdError("bad_request", f"{where}.files must name each file of a url: * and ? are for the hub's.")
    return table

"""Named profiles of dictation, each with a filter and a key, from `dictation.toml` beside the configuration.

[correct] key = "Shift+F9" through = "llm -s 'Correct the grammar, change nothing else.'" within = "15s"       # the
filter's time limit keep = 0.5           # the share of the text that must stay; else it is written unfiltered

[english]
through = "llm -s 'Translate into English.'"
keep = 0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hushd_protocol import duration
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, quoted
from hushd_protocol.system import paths
from hushd_schema import toml

from .keys import Key
from .keys import parse as parse_key
from .outputs import words
from .text_filter import KEEP, WITHIN_S, TextFilter

NAME = "dictation.toml"
_FIELDS = ("key", "through", "within", "keep")


@dataclass(frozen=True, slots=True)
class Profile:
    """A named profile.

    Attributes:
        key: starts a dictation of this profile; None: only `--profile` does.
        change: the filter of the text; None: unchanged.
    """

    name: str
    key: Key | None
    change: TextFilter | None


def read(path: Path | None = None) -> dict[str, Profile]:
    """Returns the file's profiles by name; empty without a file.

    Raises:
        HushdError: `bad_request` for an invalid file or value, with its place.
    """
    path = path or paths.find().config.with_name(NAME)
    return {name: _profile(name, table, path) for name, table in toml.load(path).items()}


def find(name: str) -> Profile:
    """Returns the profile of that name.

    Raises:
        HushdError: `bad_request` if there is none.
    """
    profiles = read()
    if name not in profiles:
        have = f"it has {', '.join(profiles)}" if profiles else f"write [{toml.key(name)}] into it"
        raise HushdError("bad_request", f"{NAME} has no profile {quoted(name)}{did_you_mean(name, profiles)}: {have}.")
    return profiles[name]


def _profile(name: str, table: object, path: Path) -> Profile:
    try:
        if not isinstance(table, Mapping):
            raise HushdError("bad_request", "A profile is a table, such as [correct].")
        if unknown := [field for field in table if field not in _FIELDS]:
            raise HushdError("bad_request", f"There is no {quoted(unknown[0])}: there are {', '.join(_FIELDS)}.")
        values: dict[str, Any] = {field: _checked(field, table[field]) for field in table}
    except HushdError as error:
        raise HushdError("bad_request", f"{path}, [{toml.key(name)}]: {error.message}") from error
    command = values.get("through")
    change = TextFilter(command, values.get("within", WITHIN_S), values.get("keep", KEEP)) if command else None
    return Profile(name, values.get("key"), change)


def _checked(field: str, value: object) -> object:
    if field == "within":
        if (seconds := duration.parse(value)) is None or seconds <= 0:
            raise HushdError("bad_request", f"within is a time such as 15s, not {quoted(value)}.")
        return seconds
    if field == "keep":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise HushdError("bad_request", f"keep is a share from 0 to 1, not {quoted(value)}.")
        return float(value)
    if not isinstance(value, str):
        raise HushdError("bad_request", f"{field} is a text, not {quoted(value)}.")
    return parse_key(value) if field == "key" else words(value)

"""A language as a table: `languages/xx.toml` has its words, signs and forms, and `languages/xx.py`, where there is one,
the functions that a table cannot say. docs/READING.md explains each key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hushd_models import languages
from hushd_schema import toml

_FOLDER = Path(__file__).with_name("languages")


@cache
def table(name: str) -> Mapping[str, Any]:
    """Returns a table of the folder; that of English for a language without one."""
    path = _FOLDER / f"{name}.toml"
    return toml.loads((path if path.exists() else _FOLDER / "en.toml").read_text("utf-8"))


@cache
def ready(code: str) -> Mapping[str, list[str]]:
    """Returns words that CLDR's libraries have, so that a short text loads none: numbers below 100 and years by their
    rules, months by their width. tests/golden/golden.py writes them."""
    path = _FOLDER / f"{code}.txt"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {key: words.split("|") for key, words in (line.split("\t") for line in lines)}


class Language:
    """A language with a table.

    Attributes:
        code: such as `pt`.
        tag: with its country, such as `pt-BR`, by which some numbers differ.
    """

    def __init__(self, code: str, tag: str) -> None:
        self.code, self.tag = code, tag
        self.table = table(code)
        self._cues: dict[str, frozenset[str]] = {}

    def __getitem__(self, key: str) -> Any:
        """Returns an entry, by its path: `date.day`. Raises KeyError."""
        entry: Any = self.table
        for part in key.split("."):
            entry = entry[part]
        return entry

    def get(self, key: str, otherwise: Any = "") -> Any:
        try:
            return self[key]
        except KeyError:
            return otherwise

    def words(self, key: str) -> frozenset[str]:
        """Returns an entry that is a list of words; none for one that is missing."""
        if key not in self._cues:
            self._cues[key] = frozenset(self.get(key).split())
        return self._cues[key]

    def function(self, name: str) -> Callable[..., Any] | None:
        """Returns a function of the language's own module, if that has one of this name."""
        return getattr(self._module, name, None)

    @cached_property
    def _module(self) -> Any:
        name = f"{__package__}.languages.{self.code}"
        return import_module(name) if find_spec(name) else None


def alternatives(written: Iterable[str]) -> str:
    """Returns a pattern of any of these, the longest first; of none it matches nothing."""
    return "|".join(re.escape(each) for each in sorted(written, key=len, reverse=True)) or "(?!)"


@cache
def language(tag: str) -> Language | None:
    """Returns the language of a tag; None for one without a table."""
    code = languages.code(tag)
    return Language(code, tag) if (_FOLDER / f"{code}.toml").exists() else None

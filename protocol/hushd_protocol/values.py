"""Values from outside: bounds of numbers, and what msgspec finds wrong with a value, in a user's words."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, ValidationError

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]  # NaN makes every comparison false

_WORDS = {
    "array": "a list", "bool": "true or false", "bytes": "bytes", "float": "a number", "int": "a whole number",
    "null": "nothing", "object": "a map", "str": "text",
}  # fmt: skip
_BOUNDS = {">=": "at least", "<=": "at most"}


class Misfit(NamedTuple):
    """A value that does not fit.

    Attributes:
        path: the keys that lead to it.
        must_be: the end of the sentence "it must be …".
        missing: whether there is no such key.
    """

    path: tuple[str, ...]
    must_be: str
    missing: bool = False

    def found(self, data: Any) -> Any:
        """Returns the value in `data`."""
        for key in self.path:
            data = data[int(key) if isinstance(data, list | tuple) else key]
        return data


def misfit(error: ValidationError) -> Misfit:
    """Reads the sentence of an error, such as "Expected `int`, got `str` - at `$.workers[0].pid`"."""
    what, _, place = str(error).partition(" - at ")
    of_key, in_map = place.startswith("`key`"), place.endswith("[...]`")
    path = tuple(re.findall(r"[^.\[\]`]+", place.partition("$")[2]))
    if name := re.fullmatch("Object missing required field `(.*)`", what):
        return Misfit((*path, name[1]), "there", missing=True)
    kinds = what.removeprefix("Expected ").partition(", got ")[0]
    must_be = re.sub(r"`([^`]*)`", lambda each: " or ".join(_WORDS.get(k, k) for k in each[1].split(" | ")), kinds)
    must_be = re.sub(r"(length)? ([<>]=) ", lambda bound: f"{bound[1] or ' of'} {_BOUNDS[bound[2]]} ", must_be)
    if of_key or in_map:
        must_be = f"a map whose {'keys' if of_key else 'values'} are {must_be}"
    return Misfit(path, must_be)

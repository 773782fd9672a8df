"""A recording of a corpus, and the names under which its transcript can be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SET_ASIDE = "set-aside.json"  # the list beside the transcripts
MAX_PART = 240  # bytes of a name between two slashes: a file's may have 255, with its format
MAX_NAME = 800  # bytes; the key of an object may have 1024, with the folder before it

_URL = re.compile(r"[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)
PASSWORD = re.compile(r"(://[^/?#:@]*):[^/?#]*@")  # also of a URL within one, as fsspec chains them
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording.

    Attributes:
        name: the name of its transcript without the format: its path below the corpus, or its id in a manifest.
        place: its path on the driver's disk, or the URL from which a node reads it.
        written: ns since 1970 of its last change; 0 if unknown.
        options: its own, in the form of a request, which go before those of the run.
    """

    name: str
    place: str
    written: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


def is_url(place: str) -> bool:
    """Returns whether `place` is a URL and not a path."""
    return bool(_URL.match(place))


def shown(place: str) -> str:
    """Returns a place for errors and logs: a URL without its query and password, which may be secrets."""
    if not is_url(place):
        return place
    try:
        url = urlsplit(place)
    except ValueError:
        return f"{place.partition('://')[0]}://…"
    return PASSWORD.sub(r"\1@", f"{url.scheme}://{url.netloc}{url.path}")


def fault(name: str) -> str:
    """Returns the reason why no transcript can have this name; empty if one can."""
    parts = name.split("/")
    try:
        size = len(name.encode())
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if _CONTROL.search(name):
        return "has a control character or a backslash"
    if any(part == "" or part.startswith(".") for part in parts):
        return "has a part that is empty or begins with a dot"
    if SET_ASIDE in (f"{name}.json", parts[0]):
        return "is a name that hushd uses itself"
    if size > MAX_NAME or longest > MAX_PART:
        return f"is too long: it may have {MAX_NAME} bytes, and {MAX_PART} between two slashes"
    return ""

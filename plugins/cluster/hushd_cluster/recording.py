"""A recording of a corpus, and the name under which its transcript is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hushd.transcripts.formats import TRANSCRIPT_FORMATS

SET_ASIDE = "set-aside.json"  # the list beside the transcripts
MAX_PART = 240  # bytes of a name between two slashes: a file's may have 255, with its format
MAX_KEY_BYTES = 800  # bytes; the key of an object may have 1024, with the folder before it

_URL = re.compile(r"[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)
PASSWORD = re.compile(r"(://[^/?#:@]*):[^/?#]*@")  # password, also in a URL within a URL, as fsspec chains them
_SUFFIXES = tuple(f".{form}" for form in TRANSCRIPT_FORMATS)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording.

    Attributes:
        name: its path below the corpus, or its id in a manifest; `transcript_path` names its transcript.
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


def transcript_path(name: str, form: str) -> str:
    """Returns the path of a recording's transcript, which no other recording's and no file of hushd's own has.
    Parts that would be empty or hidden begin with `%`, folders that would be named like a transcript end with it."""
    *folders, last = name.split("/")
    folders = [f"{part}%" if part.rstrip("%").casefold().endswith(_SUFFIXES) else part for part in folders]
    marked = [f"%{part}" if part[:1] in ".%" else part for part in [*folders, last]]
    return f"{'%' * (f'{name}.json'.casefold() == SET_ASIDE)}{'/'.join(marked)}.{form}"


def fault(name: str) -> str:
    """Returns the reason why no transcript can have this name; empty if one can."""
    path = transcript_path(name, "").removesuffix(".")
    try:
        size = len(path.encode())
        longest = max(len(part.encode()) for part in path.split("/"))
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if _CONTROL.search(name):
        return "has a control character or a backslash"
    if size > MAX_KEY_BYTES or longest > MAX_PART:
        return f"is too long: it may have {MAX_KEY_BYTES} bytes, and {MAX_PART} between two slashes"
    return ""

"""A manifest: a corpus as JSON lines, such as `{"id": "2024/17", "url": "s3://calls/17.opus", "language": "de"}`.

A line names a recording by its `id`, under which its transcript is kept, and its `url`: of a store, or a path on the
driver's disk. It may have any option of a transcription, `engine` and `model`, which go before those of the
command.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, BinaryIO

from hushd.verbs.requests import transcribe_params
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import did_you_mean, listed, quoted
from hushd_schema import kinds
from hushd_schema.operations.transcribe import CUTTING, SEARCH, TEXT, TRANSCRIBE
from msgspec import Meta

from . import store
from .faults import faults
from .recording import Recording, fault, is_url

STANDARD_INPUT = "-"
MAX_MANIFEST_LINE_BYTES = 1024 * 1024  # bytes
_ITSELF = dict.fromkeys(("id", "url"), Annotated[str, Meta(min_length=1)])
_WORKER = {"engine": str, "model": str}
_OPTIONS = {name: TRANSCRIBE.fields[name].kind for name in TRANSCRIBE.options(TEXT, SEARCH, CUTTING)}
FIELDS = {**_ITSELF, **_WORKER, **_OPTIONS}


def read(lines: Iterator[bytes]) -> Iterator[tuple[int, Recording | HushdError]]:
    """Yields the recordings of a manifest's lines with the lines' numbers, from 1; an error for a line that is wrong.
    Empty lines are passed over."""
    names: set[str] = set()
    for row, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            recording = parse(line)
            if recording.name in names:
                raise HushdError("bad_request", f"Its id {quoted(recording.name)} was on an earlier line.")
        except HushdError as error:
            yield row, error
        else:
            names.add(recording.name)
            yield row, recording


def parse(line: bytes) -> Recording:
    """Returns the recording of a line. Raises `bad_request` with the mistake in its sentence."""
    fields = _fields(line)
    for name in fields:
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f": it takes {listed(FIELDS)}"
            raise HushdError("bad_request", f"A recording has no {name!r}{hint}.")
    checked = {name: kinds.check(name, value, FIELDS[name]) for name, value in fields.items() if value is not None}
    if missing := [name for name in ("id", "url") if name not in checked]:
        raise HushdError("bad_request", f"It has no {missing[0]!r}.")
    if why := fault(checked["id"]):
        raise HushdError("bad_request", f"Its id {why}.")
    url = checked["url"]
    if is_url(url):
        store.check(url)
    if checked.get("speakers"):
        checked["diarize"] = True
    if checked.get("clips") and checked.get("diarize"):
        raise HushdError("bad_request", "diarize needs the whole recording: leave out clips.")
    options = transcribe_params({name: checked[name] for name in _OPTIONS if name in checked})  # type: ignore[arg-type]
    options |= {name: checked[name] for name in _WORKER if name in checked}
    return Recording(checked["id"], url, options=options)


def _fields(line: bytes) -> JsonObject:
    if len(line) > MAX_MANIFEST_LINE_BYTES:
        raise HushdError("bad_request", f"It is longer than {MAX_MANIFEST_LINE_BYTES} bytes.")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise HushdError("bad_request", f"It is not JSON ({error}).") from None
    if not isinstance(fields, dict):
        raise HushdError("bad_request", "It is not a JSON object.")
    return fields


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines of a file, of each no more than shows that it is too long."""
    while line := file.readline(MAX_MANIFEST_LINE_BYTES + 2):
        yield line
        while len(line) > MAX_MANIFEST_LINE_BYTES + 1 and not line.endswith(b"\n"):
            line = file.readline(MAX_MANIFEST_LINE_BYTES + 2)


@contextmanager
def opened(place: str) -> Iterator[BinaryIO]:
    """Opens a manifest: a path, a URL, or `-`. Raises `input_unreadable`, or as `store.faults` says."""
    try:
        if place == STANDARD_INPUT:
            yield sys.stdin.buffer
        elif is_url(place):
            with faults(place):
                content = store.fetched(place)
            yield io.BytesIO(content)
        else:
            with open(place, "rb") as file:
                yield file
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise HushdError("input_unreadable", f"The manifest {place!r} cannot be read ({why}).") from None

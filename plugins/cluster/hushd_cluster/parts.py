"""A part of a long recording's transcript in the store, from whose end another node goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hushd.transcripts.segment import Segment, data_of, drop_repeated
from hushd.transcripts.transcript import Transcript
from hushd.transport.warning import ResultWarning
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.results import SegmentData

from .outputs import PARTS
from .store import Store

KEEP_S = 60.0  # of work that the death of a node may lose
_SAMPLE = 64 * 1024  # bytes at a file's begin and end by which it is known


class Part:
    """The transcript so far of one recording, or of a stretch of one, for one request.

    But for `finish`, it is a safety net: a store that does not take it, or has another one, changes nothing.

    Args:
        name: of the recording or stretch.
        path: of the recording on this node.
        request: everything else that determines the text.

    Attributes:
        is_whole: whether, after `resume`, nothing is missing.
        rest_s: the second from which the rest follows.
        language: of the recording; empty while unknown.
    """

    def __init__(self, store: Store, name: str, path: Path, request: Mapping[str, Any]) -> None:
        self._store = store
        self._name = f"{PARTS}/{name}.json"
        self._key = key(path, request)
        self._segments: list[SegmentData] = []
        self._kept_at: float | None = None  # by the caller's clock
        self._is_there = False
        self.rest_s = 0.0
        self.language = ""
        self.is_whole = False

    def resume(self) -> list[Segment]:
        """Returns the segments that are there; none if they are of another recording or request."""
        try:
            content = self._store.read(self._name)
            if content is None:
                return []
            self._is_there = True
            data = json.loads(content)
            if data["key"] != self._key:
                return []
            rows = [SegmentData.from_data(row) for row in data["segments"]]
            segments = [Segment.of(row) for row in rows]
            self.rest_s, self.language = float(data["rest_s"]), str(data["language"])
            self.is_whole = data.get("whole") is True
        except (HushdError, ValueError, TypeError, KeyError, RecursionError):
            return []
        if not self.is_whole:
            drop_repeated(segments, self.rest_s)
        self._segments = rows[: len(segments)]
        return segments

    def add(self, segment: Segment, rest_s: float, language: str, now: float) -> None:
        """Adds a segment, and keeps all of them if the last time is a while ago."""
        self._segments.append(data_of(segment))
        self.rest_s, self.language = rest_s, language
        if self._kept_at is None:
            self._kept_at = now
        elif now - self._kept_at >= KEEP_S:
            self._kept_at = now
            self.keep()

    def keep(self) -> None:
        """Writes what there is."""
        if not self._segments:
            return
        with suppress(HushdError):
            self._store.replace(self._name, json.dumps(self._data()).encode())
            self._is_there = True

    def finish(self, transcript: Transcript) -> None:
        """Writes that nothing is missing, with the rest of the transcript; raises `HushdError` if it cannot."""
        self.language = transcript.language
        data = self._data() | {
            "whole": True,
            "warnings": transcript.warnings,
            "unlikely": transcript.unlikely,
            "language_probability": transcript.language_probability,
        }
        self._store.replace(self._name, json.dumps(data).encode())

    def remove(self) -> None:
        """Removes it, since the transcript is whole."""
        if self._is_there:
            with suppress(HushdError):
                self._store.remove(self._name)

    def _data(self) -> JsonObject:
        rows = [segment.data() for segment in self._segments]
        return {"key": self._key, "rest_s": self.rest_s, "language": self.language, "segments": rows}


def finished(store: Store, name: str) -> Transcript:
    """Returns the transcript of a stretch that `Part.finish` has written.

    Raises:
        HushdError: `worker_failed` if it is not there.
    """
    try:
        data = json.loads(store.read(f"{PARTS}/{name}.json") or b"{}")
        return Transcript(
            tuple(Segment.of(SegmentData.from_data(row)) for row in data["segments"]),
            str(data["language"]),
            warnings=tuple(ResultWarning(*map(str, warning)) for warning in data["warnings"]),
            unlikely=tuple((float(start), float(end)) for start, end in data["unlikely"]),
            language_probability=data["language_probability"],
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise HushdError("worker_failed", f"The transcript of a stretch is missing: {PARTS}/{name}.json.") from None


def key(path: Path, request: Mapping[str, Any]) -> str:
    """Returns a digest of a recording, by its size, begin and end, and of a request."""
    digest = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode())
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(str(size).encode())
        digest.update(file.read(_SAMPLE))
        file.seek(max(0, size - _SAMPLE))
        digest.update(file.read(_SAMPLE))
    return digest.hexdigest()

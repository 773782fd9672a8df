"""Writes the input of programs and servers, a WAV file, and reads their output as segments: openai-whisper's JSON, or
text, with or without times before its lines."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hushd_schema.sound_file import wav_header

from hushd_worker_stt.engine import RATE, Samples, Segment, Word

_TIME = r"(?:(\d+):)?(\d+):(\d+)[.,](\d+)"
_BLANK = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")  # characters that would begin a line or control a terminal
_MAX_SEGMENT = 60_000  # bytes on the wire: a message holds little more
_WORD_BYTES = 40  # bytes of a word's times
# The form of whisper and whisper.cpp: [00:00:00.000 --> 00:00:02.500]  Ever tried.
_LINE = re.compile(rf"\s*\[{_TIME}\s*-->\s*{_TIME}\](.*)")


def wav(samples: Samples) -> bytes:
    """Returns `samples` as a WAV file: 16 bits, mono, 16 kHz."""
    import numpy as np

    finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    data = np.clip(np.round(finite * 32767), -32768, 32767).astype("<i2").tobytes()
    return wav_header(RATE, len(data)) + data


class OutputError(Exception):
    """A fault of the output, worded to follow the program's name."""


def from_text(printed: bytes, duration: float) -> list[Segment]:
    """Returns the segments of a piece of `duration` seconds. Raises OutputError for no UTF-8, or far too much."""
    lines = [line for line in _decoded(printed).splitlines() if line.strip()]
    timed = [_LINE.fullmatch(line) for line in lines]
    if lines and all(timed):
        spans = [(_seconds(m.groups()[:4]), _seconds(m.groups()[4:8]), m[9]) for m in timed if m]
        return _ordered([Segment(start, end, _line(text)) for start, end, text in spans], duration)
    return _ordered([Segment(0.0, duration, _line(" ".join(lines)))], duration)


def from_json(printed: bytes, duration: float) -> tuple[list[Segment], str | None]:
    """Returns the segments and the language in an object with `segments`, or only with `text`. Raises OutputError if
    the output is not such an object, or far too long."""
    try:
        content = json.loads(_decoded(printed))
    except (ValueError, RecursionError) as error:
        raise OutputError(f"did not print JSON ({error}): its output began with {printed[:40]!r}") from error
    if not isinstance(content, dict):
        raise OutputError("printed JSON that is not an object with 'segments' or 'text'")
    language = content.get("language")
    try:
        if "segments" in content:
            segments = [_segment(item) for item in content["segments"]]
        else:
            segments = [Segment(0.0, duration, _line(content["text"]))]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        unlike = f"unlike whisper's ({str(error).splitlines()[0][:100]})"
        raise OutputError(f"printed JSON {f'without {error}' if isinstance(error, KeyError) else unlike}") from error
    return _ordered(segments, duration), language if isinstance(language, str) else None


def _segment(item: Any) -> Segment:
    words = tuple(
        Word(_line(word["word"]), _number(word["start"]), _number(word["end"]), _probability(word.get("probability")))
        for word in item.get("words") or ()
    )
    return Segment(_number(item["start"]), _number(item["end"]), _line(item["text"]), words)


def _line(text: Any) -> str:
    """Returns `text` in one line of Unicode."""
    return _BLANK.sub(" ", text).strip().encode(errors="replace").decode()


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a time is {value}")
    return number


def _probability(value: Any) -> float | None:
    """Returns a probability; None for any other value, so that the text is not lost."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _ordered(segments: list[Segment], duration: float) -> list[Segment]:
    """Returns the segments with text, with ascending times inside the piece."""
    for segment in segments:
        texts = [segment.text, *(word.text for word in segment.words)]
        if sum(len(text.encode()) + _WORD_BYTES for text in texts) > _MAX_SEGMENT:
            raise OutputError(
                f"printed one segment of {len(segment.text)} characters and {len(segment.words)} words' times for "
                f"{duration:.1f} s of speech"
            )
    return list(_in_order([s for s in segments if s.text], duration))


def _in_order(segments: list[Segment], duration: float) -> Iterator[Segment]:
    now = 0.0
    for segment in segments:
        start = min(max(segment.start, now), duration)
        end = min(max(segment.end, start), duration)
        words, then = [], start
        for word in segment.words:
            first = min(max(word.start, then), end)
            then = min(max(word.end, first), end)
            words.append(replace(word, start=first, end=then))
        yield Segment(start, end, segment.text, tuple(word for word in words if word.text))
        now = start


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(f"{seconds}.{fraction}")


def _decoded(printed: bytes) -> str:
    try:
        return printed.decode()
    except UnicodeDecodeError as error:
        raise OutputError(f"printed text that is not UTF-8 (byte {error.start})") from error

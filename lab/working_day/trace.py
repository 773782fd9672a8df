"""Traces: the requests of a day and their times; a line a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        second: of the day, at which it is made.
        what: `say` or `listen`.
        subject: a text, or a recording's name.
        length: seconds of the recording, from its beginning.
    """

    second: float
    what: str
    subject: str
    length: float = 0.0


def parse(text: str) -> list[Request]:
    """Reads a trace: `HH:MM:SS say TEXT` and `HH:MM:SS listen RECORDING SECONDS`, in order; `#` begins a comment.

    Raises:
        ValueError: a line is neither, or its time is before that of the line above.
    """
    requests: list[Request] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        request = _request(line, number)
        if requests and request.second < requests[-1].second:
            raise ValueError(f"Line {number} is earlier than the line above.")
        requests.append(request)
    return requests


def _request(line: str, number: int) -> Request:
    words = line.split(maxsplit=2)
    try:
        second, what, subject = seconds(words[0]), words[1], words[2]
        if what == "say":
            return Request(second, what, subject)
        if what == "listen":
            name, length = subject.split()
            return Request(second, what, name, float(length))
    except (IndexError, ValueError):
        pass
    raise ValueError(f"Line {number} is neither `HH:MM:SS say TEXT` nor `HH:MM:SS listen RECORDING SECONDS`: {line}")


def seconds(time: str) -> float:
    """Seconds since midnight of `HH:MM` or `HH:MM:SS`."""
    parts = [int(part) for part in time.split(":")]
    if len(parts) not in (2, 3) or not all(0 <= part < 60 for part in parts[1:]) or not 0 <= parts[0] <= 24:
        raise ValueError(f"{time} is no time of day.")
    return sum(part * unit for part, unit in zip(parts, (3600.0, 60.0, 1.0), strict=False))


def between(requests: Sequence[Request], first: float, last: float) -> list[Request]:
    """The requests from one second of the day to another, which then begins at 0."""
    return [replace(one, second=one.second - first) for one in requests if first <= one.second < last]


def bursts(requests: Sequence[Request], apart: float = 300.0) -> Iterator[list[Request]]:
    """Groups the requests that follow each other within so many seconds."""
    burst: list[Request] = []
    for one in requests:
        if burst and one.second - burst[-1].second > apart:
            yield burst
            burst = []
        burst.append(one)
    if burst:
        yield burst

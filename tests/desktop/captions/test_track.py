"""One track of captions: when it sends sound to a worker, when it does not, and the times of its lines."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from hushd import HushdError, Segment
from hushd_desktop.captions.track import Event, Line, Track

RATE = 16_000
QUIET, LOUD = (array("h", [level] * RATE).tobytes() for level in (0, 5000))  # a second of each


class Device(Iterator[bytes]):
    """Plays seconds of sound, and records that it was stopped."""

    rate = RATE
    channels = 1

    def __init__(self, *seconds: bytes) -> None:
        self._seconds = iter(seconds)

    def __next__(self) -> bytes:
        return next(self._seconds)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        self._seconds = iter(())

    close = stop


class Session:
    """A transcription of so many chunks, with one line in the first of them, or one that fails before that."""

    language = "en"
    rest_s = 0.0

    def __init__(self, chunks: Iterator[bytes], seconds: int, failure: HushdError | None) -> None:
        self.sent = [chunk for chunk, _ in zip(chunks, range(seconds), strict=False)]
        self.duration = len(b"".join(self.sent)) / 2 / RATE
        self.ended = "silence" if len(self.sent) == seconds else "input"
        self._failure = failure

    def __iter__(self) -> Iterator[Segment]:
        if self._failure:
            raise self._failure
        yield Segment(0, 0.25, 0.5, " Hello.")


class Client:
    """Begins sessions of the lengths given, and then of any length."""

    def __init__(self, *lengths: int, failures: tuple[HushdError, ...] = ()) -> None:
        self._lengths = iter(lengths)
        self._failures = iter(failures)
        self.sessions: list[Session] = []

    def listen(self, chunks: Iterator[bytes], **_: Any) -> Session:
        self.sessions.append(Session(chunks, next(self._lengths, 1000), next(self._failures, None)))
        return self.sessions[-1]


def run(client: Client, device: Device, notes: list[str] | None = None) -> list[Event]:
    events: list[Event] = []
    told = [] if notes is None else notes
    Track("them", device, 2.0, events.append, told.append, {}).run(client)  # type: ignore[arg-type]
    return events


def test_silence_is_sent_to_nobody() -> None:
    """Neither at first nor after a session that ended in silence; a second before the next sound is."""
    client = Client(2)
    run(client, Device(*[QUIET] * 20, LOUD, *[QUIET] * 20, LOUD, QUIET))
    first, second = client.sessions
    assert [len(chunk) for chunk in first.sent] == [len(QUIET) * 2, len(QUIET)]
    assert first.sent[0] == QUIET + LOUD
    assert second.sent[0].endswith(QUIET + LOUD)
    assert len(b"".join(second.sent)) == 3 * len(QUIET)


def test_nothing_plays() -> None:
    """No session is begun at all."""
    client = Client()
    assert run(client, Device(*[QUIET] * 5)) == []
    assert client.sessions == []


def test_times_of_lines() -> None:
    """They count from the beginning of the captions, whatever was left out, and lines are numbered through."""
    events = run(Client(2), Device(QUIET, QUIET, LOUD, QUIET, QUIET, QUIET, LOUD))
    lines = [event.segment for event in events if isinstance(event, Line)]
    assert [(line.id, line.start, line.speaker) for line in lines] == [(0, 3.25, "them"), (1, 7.25, "them")]


def test_a_worker_that_dies() -> None:
    """The captions go on where it left off, and the user learns of it."""
    notes: list[str] = []
    client = Client(2, failures=(HushdError("worker_crashed", "It died."),))
    events = run(client, Device(LOUD, LOUD, LOUD), notes)
    assert len(events) == 1
    assert notes == ["It died. The captions go on, and a few words may be missing."]


def test_a_worker_that_always_dies() -> None:
    """After three in a row that have said nothing, that is the end."""
    failures = tuple(HushdError("worker_crashed", f"{number}.") for number in range(9))
    with pytest.raises(HushdError, match=r"^2\.$"):
        run(Client(1, 1, 1, 1, 1, 1, 1, 1, 1, failures=failures), Device(*[LOUD] * 4))


@pytest.mark.parametrize("code", ["model_missing", "no_device"])
def test_what_no_second_try_mends(code: str) -> None:
    """The error is raised at once."""
    client = Client(failures=(HushdError(code, "No."),))
    with pytest.raises(HushdError, match="No"):
        run(client, Device(LOUD, LOUD))
    assert len(client.sessions) == 1

"""One track of captions: when it sends sound to a worker, when it does not, and the times of its lines."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hushd import HushdError, Segment, Word
from hushd_desktop.captions import track
from hushd_desktop.captions.track import Event, Line, Noted, Track

RATE = 16_000
QUIET, LOUD = (array("h", [level] * RATE).tobytes() for level in (0, 5000))  # a second of each


class Device(Iterator[bytes]):
    """Plays seconds of sound, and records that it was stopped."""

    rate = RATE

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
        yield Segment(0, 0.25, 0.5, " Hello.", (Word("Hello.", 0.25, 0.5),))


class Client:
    """Begins sessions of the lengths given, and then of any length."""

    def __init__(self, *lengths: int, failures: tuple[HushdError, ...] = ()) -> None:
        self._lengths = iter(lengths)
        self._failures = iter(failures)
        self.sessions: list[Session] = []

    def listen(self, chunks: Iterator[bytes], **options: Any) -> Session:
        self.options = options
        session = Session(chunks, next(self._lengths, 1000), next(self._failures, None))
        self.sessions.append(session)
        return session


def run(client: Client, device: Device, **listening: Any) -> list[Event]:
    events: list[Event] = []
    Track("them", device, 2.0, events.append, listening).run(client)  # type: ignore[arg-type]
    return events


def notes(events: list[Event]) -> list[str]:
    return [event.sentence for event in events if isinstance(event, Noted)]


def test_silence_is_sent_to_nobody() -> None:
    """No silence is sent at first or after a session that ended in it; a second before the next sound is."""
    client = Client(2)
    run(client, Device(*[QUIET] * 20, LOUD, *[QUIET] * 20, LOUD, QUIET))
    first, second = client.sessions
    assert [len(chunk) for chunk in first.sent] == [len(QUIET) * 2, len(QUIET)]
    assert first.sent[0] == QUIET + LOUD
    assert second.sent[0].endswith(QUIET + LOUD)
    assert len(b"".join(second.sent)) == 3 * len(QUIET)


def test_times_of_lines() -> None:
    """They count from the beginning of the captions, whatever was left out, and lines are numbered through."""
    events = run(Client(2), Device(QUIET, QUIET, LOUD, QUIET, QUIET, QUIET, LOUD))
    lines = [event.segment for event in events if isinstance(event, Line)]
    assert [(line.id, line.start, line.speaker) for line in lines] == [(0, 3.25, "them"), (1, 7.25, "them")]
    assert [line.words[0].start for line in lines] == [3.25, 7.25]


def test_a_worker_that_dies() -> None:
    """The captions go on where it left off, and the user learns of it."""
    client = Client(2, failures=(HushdError("worker_crashed", "It died."),))
    events = run(client, Device(LOUD, LOUD, LOUD))
    assert len([event for event in events if isinstance(event, Line)]) == 1
    assert notes(events) == ["It died. The captions go on, and a few words may be missing."]


def test_a_supervisor_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for again and again, one note says so, and the words said meanwhile are heard."""
    monkeypatch.setattr(track, "TRACK_LOOK_INTERVAL_S", 0.001)
    monkeypatch.setattr(track, "BACK_S", 0.01)
    failures = (HushdError("no_supervisor", "There is none."),) * 9
    client = Client(*[1] * 9, failures=failures)
    events = run(client, Device(LOUD, LOUD, LOUD))
    assert len([event for event in events if isinstance(event, Line)]) == 1
    assert b"".join(client.sessions[-1].sent) == LOUD * 3
    assert notes(events) == ["There is none. The captions wait 0 s for it."]


def test_sound_that_kills_workers_is_left_out() -> None:
    """It is sent to no third one: the captions go on with the sound behind it, and say that something is missing."""
    client = Client(2, failures=(HushdError("poison_request", "It has killed two."),))
    events = run(client, Device(*[LOUD] * 5))
    killed, next_one = client.sessions
    assert b"".join(killed.sent) == LOUD * 2  # it had taken a third one
    assert b"".join(next_one.sent) == LOUD * 2
    (note,) = notes(events)
    assert "is left out" in note


@pytest.mark.parametrize(("failures", "sessions"), [
    ([HushdError("worker_crashed", "It died.")] * 5, track.TRIES),
    ([HushdError("model_missing", "It is gone.")] * 5, 1),
])  # fmt: skip
def test_captions_that_cannot_go_on_end_by_an_error(failures: list[HushdError], sessions: int) -> None:
    """A worker that dies again and again, and an error that no repetition mends, are told, not tried for ever."""
    client = Client(*[1] * 9, failures=tuple(failures))
    with pytest.raises(HushdError, match=str(failures[0])):
        run(client, Device(*[LOUD] * 9))
    assert len(client.sessions) == sessions


class Forgetful(Session):
    """A session that hears a line before its worker dies, and so has nothing to hear again."""

    rest_s = 2.0

    def __iter__(self) -> Iterator[Segment]:
        yield Segment(0, 0.25, 0.5, " Hello.")
        raise HushdError("worker_crashed", "It died.")


def test_a_session_with_a_line_has_not_failed_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies now and then in a long evening ends no captions."""
    monkeypatch.setattr("hushd_desktop.captions.track.TRIES", 2)
    monkeypatch.setitem(globals(), "Session", Forgetful)
    events = run(Client(*[1] * 6), Device(*[LOUD] * 12))
    assert len([event for event in events if isinstance(event, Line)]) > track.TRIES


def test_nobody_is_waited_for_longer_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that does not come back ends the captions; so does Ctrl-C meanwhile, at once."""
    slept: list[float] = []
    monkeypatch.setattr(track, "time", SimpleNamespace(sleep=slept.append))
    gone = HushdError("no_supervisor", "There is none.")
    with pytest.raises(HushdError, match="There is none"):
        run(Client(*[1] * 900, failures=(gone,) * 900), Device(*[LOUD] * 900))
    assert sum(slept) == track.BACK_S
    stopped = Track("them", Device(*[LOUD] * 9), 0.0, lambda event: None, {})  # type: ignore[arg-type]
    monkeypatch.setattr(track, "time", SimpleNamespace(sleep=lambda seconds: stopped.stop()))
    client = Client(*[1] * 900, failures=(gone,) * 900)
    with pytest.raises(HushdError, match="There is none"):
        stopped.run(client)  # type: ignore[arg-type]
    assert len(client.sessions) == 2


def test_a_session_ends_where_nobody_speaks_and_a_line_where_it_is_long() -> None:
    """So the worker may leave on a silent evening, and who speaks without a pause is read; a user's own wishes win."""
    client, source = Client(), Device(LOUD)
    captions = Track("them", source, 0.0, lambda event: None, {"silence_s": 2.0})  # type: ignore[arg-type]
    captions.run(client)  # type: ignore[arg-type]
    asked = {name: client.options[name] for name in ("no_speech_s", "max_segment_s", "silence_s", "continuous")}
    assert asked == {
        "no_speech_s": track.ASLEEP_S, "max_segment_s": track.MAX_LINE_S, "silence_s": 2.0, "continuous": True,
    }  # fmt: skip
    assert captions.language == "en"

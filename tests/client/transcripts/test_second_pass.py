"""The second pass of a live session: the sound that is kept for it, and the thread that has it read."""

from __future__ import annotations

import argparse
import errno
import io
import os
import threading
import wave
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hushd.transcripts import precedence, second_pass
from hushd.transcripts.options import with_former_names
from hushd.transcripts.second_pass import SecondPass, Sound
from hushd.transcripts.second_pass_plan import Revision
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd_cli.second_pass import add_options
from hushd_protocol.errors import HushdError
from hushd_schema.settings import load

RATE = 1000


def pcm(seconds: float, first: int = 0) -> bytes:
    """Samples that count their milliseconds."""
    return b"".join((number % 32_000).to_bytes(2, "little") for number in range(first, first + round(seconds * RATE)))


def read_wav(blocks: Iterable[bytes]) -> bytes:
    with wave.open(io.BytesIO(b"".join(blocks))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return file.readframes(file.getnframes())


class Reading:
    """A transcription under way, which ends with a text, or when it is closed."""

    def __init__(self, text: Callable[[], Transcript]) -> None:
        self._text = text
        self.closed = threading.Event()

    def transcript(self) -> Transcript:
        return self._text()

    def close(self) -> None:
        self.closed.set()


class Larger:
    """A larger model, whose text is the seconds of what it read; `busy` times there is no memory for it."""

    def __init__(self, busy: int = 0) -> None:
        self.busy = busy
        self.asked = threading.Semaphore(0)
        self.read: list[bytes] = []

    def __call__(self, blocks: Iterable[bytes]) -> Any:
        return Reading(lambda: self._text(blocks))

    def _text(self, blocks: Iterable[bytes]) -> Transcript:
        self.asked.release()
        if self.busy:
            self.busy -= 1
            raise HushdError("server_busy", "There is no memory.", 1)
        self.read.append(read_wav(blocks))
        seconds = len(self.read[-1]) / 2 / RATE
        return Transcript((Segment(0, 0.0, seconds, f"{seconds:.1f} s"),))


def spoken(copy: SecondPass, *utterances: tuple[float, float]) -> None:
    """Has a session hear utterances, each as its draft."""
    heard = 0.0
    for number, (start, end) in enumerate(utterances):
        list(copy.hear([pcm(end + 0.5 - heard, round(heard * RATE))]))
        heard = end + 0.5
        copy.segment(Segment(number, start, end, "draft"))
        copy.ended()


def test_a_copy_is_of_the_very_sound() -> None:
    """The larger model gets the samples of the stretch as a WAV file, and its text replaces the draft."""
    larger, revisions = Larger(), list[Revision]()
    copy = SecondPass(larger, Sound(RATE), revisions.append, "utterance")
    spoken(copy, (2.0, 3.0))
    assert larger.asked.acquire(timeout=60)
    copy.end()
    assert [segment.text for segment in copy.wait()] == ["2.5 s"]
    assert larger.read == [pcm(2.5, 1000)]
    assert [revision.replaces for revision in revisions] == [(0,)]


def test_a_session_without_memory_for_both_gets_its_text_when_it_has_ended() -> None:
    """The first request finds no memory; after the session's end they are repeated until there is some."""
    larger = Larger(busy=3)
    copy = SecondPass(larger, Sound(RATE), None, "minute")
    spoken(copy, (2.0, 3.0))
    assert larger.asked.acquire(timeout=60)
    spoken_later = Segment(1, 5.0, 6.0, "draft")
    list(copy.hear([pcm(3.0, 3500)]))
    copy.segment(spoken_later)
    copy.end()
    assert [segment.text for segment in copy.wait()] == ["5.5 s"]
    assert not larger.busy
    assert larger.read == [pcm(5.5, 1000)]


class Interrupted(Larger):
    """A larger model that reads for ever, the first time, until it is ended."""

    def __call__(self, blocks: Iterable[bytes]) -> Any:
        if self.read:
            return Reading(lambda: self._text(blocks))
        self.read.append(b"")
        self.first = Reading(self._ended)
        return self.first

    def _ended(self) -> Transcript:
        self.asked.release()
        assert self.first.closed.wait(60)
        raise HushdError("cancelled", "The request was cancelled.")


def test_a_copy_gives_way_to_a_live_session() -> None:
    """Its reading ends at once, nothing is read while the session lasts, and then all of it; where nothing is read,
    nothing gives way."""
    larger = Interrupted()
    copy = SecondPass(larger, Sound(RATE), None, "session")
    spoken(copy, (2.0, 3.0))
    refused = HushdError("server_busy", "There is no memory.")
    assert not copy.give_way()
    copy.end()
    assert larger.asked.acquire(timeout=60)
    assert precedence.given(refused, 0.0)
    assert larger.first.closed.wait(60)
    assert precedence.given(refused, 1.0), "the larger model may not have left yet"
    assert not precedence.given(refused, precedence.PATIENCE_S)
    assert not precedence.given(HushdError("model_missing", "It is not installed."), 0.0)
    assert not larger.asked.acquire(blocking=False)
    precedence.go_on()
    assert [segment.text for segment in copy.wait()] == ["3.5 s"]
    assert larger.read == [b"", pcm(3.5)]
    assert not copy.give_way()


def test_a_model_that_is_missing_leaves_the_draft() -> None:
    """`wait` says why; the segments are there."""

    def missing(blocks: Iterable[bytes]) -> Any:
        raise HushdError("model_missing", "It is not installed.")

    copy = SecondPass(missing, Sound(RATE), None, "session")
    spoken(copy, (2.0, 3.0))
    copy.end()
    with pytest.raises(HushdError, match="not installed"):
        copy.wait()
    assert [segment.text for segment in copy.segments] == ["draft"]


def test_a_copy_that_is_closed_reads_nothing_more() -> None:
    """The draft is left as it is for whoever does not want the copy any more."""
    larger = Larger()
    copy = SecondPass(larger, Sound(RATE), None, "session")
    spoken(copy, (2.0, 3.0))
    copy.close()
    assert [segment.text for segment in copy.wait()] == ["draft"]
    assert not larger.read


def test_an_utterance_that_cannot_be_read_costs_no_other() -> None:
    """A worker that dies of one: its draft stays, the next one gets its second pass, and `wait` says what happened."""
    texts: list[str | HushdError] = [HushdError("worker_crashed", "It died."), "second_pass"]

    def text() -> Transcript:
        text = texts.pop(0)
        if isinstance(text, HushdError):
            raise text
        return Transcript((Segment(0, 0.5, 1.0, text),))

    copy = SecondPass(lambda _: Reading(text), Sound(RATE), None, "utterance")  # type: ignore[arg-type,return-value]
    spoken(copy, (2.0, 3.0), (5.0, 6.0))
    copy.end()
    with pytest.raises(HushdError, match="It died"):
        copy.wait()
    assert [segment.text for segment in copy.segments] == ["draft", "second_pass"]


def test_a_copy_that_is_closed_ends_its_request() -> None:
    """Nobody wants the text any more: the larger model reads no further, and that is not an error."""
    under_way = threading.Event()

    def text() -> Transcript:
        under_way.set()
        assert reading.closed.wait(60)
        raise HushdError("cancelled", "It was cancelled.")

    reading = Reading(text)
    copy = SecondPass(lambda _: reading, Sound(RATE), None, "session")  # type: ignore[arg-type,return-value]
    spoken(copy, (2.0, 3.0))
    copy.end()
    assert under_way.wait(60)
    copy.close()
    assert [segment.text for segment in copy.wait()] == ["draft"]


@pytest.mark.parametrize("full", ["the bound", "the disk"])
def test_sound_without_room_ends_the_copy_alone(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session goes on hearing; its draft stays, and `wait` says why in a sentence."""
    copy = SecondPass(Larger(), Sound(RATE), None, "session")
    if full == "the bound":
        monkeypatch.setattr(second_pass, "MAX_BYTES", 2000)
    else:
        full_disk = lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))  # noqa: E731
        monkeypatch.setattr(copy._sound._file, "write", full_disk)
    assert list(copy.hear([pcm(1.5), pcm(1)])) == [pcm(1.5), pcm(1)]
    copy.segment(Segment(0, 1.0, 2.0, "draft"))
    copy.end()
    with pytest.raises(HushdError, match=r"no room .*\((File too large|No space left on device)\): the draft stays"):
        copy.wait()
    assert [segment.text for segment in copy.segments] == ["draft"]


def test_sound_lies_in_memory_and_then_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any seconds of it come back as they were; those that nobody needs any more go, and take no place."""
    monkeypatch.setattr(second_pass, "MEMORY", 10_000)
    sound = Sound(RATE)
    for second in range(60):
        sound.add(pcm(1, second * RATE))
    assert sound.seconds == 60
    assert read_wav(sound.wav(7.5, 30)) == pcm(22.5, 7500)
    sound.forget(50.0)
    assert sound.seconds == 60
    assert read_wav(sound.wav(50.0, 61)) == pcm(10, 50_000)
    assert sound._size == 20_000
    sound.add(pcm(1, 60_000))
    assert read_wav(sound.wav(59.0, 61)) == pcm(2, 59_000)
    sound.close()
    sound.add(pcm(1))  # a microphone that goes on after all was read


def test_a_loudspeaker_in_the_sound_is_refused() -> None:
    """The session takes it out by itself; a recording of both would be transcribed with it."""
    with pytest.raises(HushdError, match="leave out second_pass, or echo"):
        second_pass.follow(lambda: Transcript(()), "a/b", RATE, 2, {}, None, "utterance", echo=True)


def test_an_end_word_in_the_sound_is_refused() -> None:
    """The session leaves it out of its text; a reading of the whole would have it again."""
    with pytest.raises(HushdError, match="leave out second_pass, or until"):
        second_pass.follow(lambda: Transcript(()), "a/b", RATE, 1, {}, None, "session", echo=False, until="over")


def test_former_names(tmp_path: Path) -> None:
    """Programs, command lines and configurations that say `fair` mean the second pass."""
    options: Any = {"fair": "a/b", "fair_each": "session", "language": "en"}
    assert with_former_names(options, None, "utterance", None) == ["a/b", "session", None]
    assert options == {"language": "en"}
    (tmp_path / "config.toml").write_text('fair = "a/b"\n')
    assert load(tmp_path / "config.toml").second_pass == "a/b"
    parser = argparse.ArgumentParser()
    add_options(parser)
    assert [parser.parse_args(words).second_pass for words in ([], ["--fair", "c/d"], ["--no-fair"])] == [
        None,
        "c/d",
        "",
    ]
    assert "fair" not in parser.format_help()

"""`say -o dub.wav film.srt`: cues sound at their times."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import soundfile
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_cli.commands.say.options import parse
from hushd_cli.commands.say.timed import TimedSpeech
from hushd_reading.subtitles import read
from hushd_schema.description import Voice
from support.command_line import run
from support.refusals import hushd_error

RATE = 1000
LEAD_S = 0.06  # silence before a first word


class Client:
    """Speaks a word in half a second, at the height of its voice, and remembers the requests."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def voices(self) -> list[Voice]:
        about = {"language": "en-US", "engine": "hibari", "installed": True}
        return [Voice.from_data({"name": name} | about) for name in ("heart", "bella", "george")]

    def synthesize(self, text: str, **options: Any) -> Speech:
        self.asked.append({"text": text, **options})
        return Speech(text, options["speed"], {"heart": 100, "bella": 200}.get(options["voice"], 400))


class Speech:
    """Stands for `hushd.Speech`."""

    rate = RATE

    def __init__(self, text: str, speed: float, height: int) -> None:
        self._words = text.split()
        self._word_s, self._height = 0.5 / speed, height

    def __iter__(self) -> Iterator[bytes]:
        sound = np.full(round(self._word_s * len(self._words) * RATE), self._height, "<i2")
        yield np.concatenate([np.zeros(round(LEAD_S * RATE), "<i2"), sound, np.zeros(300, "<i2")]).tobytes()

    def transcript(self) -> Transcript:
        starts = [LEAD_S + n * self._word_s for n in range(len(self._words) + 1)]
        words = tuple(Word(f" {word}", *times) for word, *times in zip(self._words, starts, starts[1:], strict=False))
        return Transcript((Segment(0, starts[0], starts[-1], " ".join(self._words), words),))


def spoken(
    *cues: tuple[float, float, str], options: Namespace | None = None
) -> tuple[TimedSpeech, list[bytes], Client]:
    def clock(seconds: float) -> str:
        return f"{int(seconds // 3600):02d}:{int(seconds // 60) % 60:02d}:{seconds % 60:06.3f}".replace(".", ",")

    text = "\n".join(f"{n}\n{clock(a)} --> {clock(b)}\n{said}\n" for n, (a, b, said) in enumerate(cues, 1))
    file, client = read(text, "film.srt"), Client()
    assert file
    speech = TimedSpeech(client, options or parse("say", ["-o", "x.wav", "x"]), file)  # type: ignore[arg-type]
    return speech, list(speech), client


def sounding(pieces: list[bytes]) -> list[tuple[float, float, int]]:
    """Returns the seconds of each stretch of one height, and the height."""
    samples = np.frombuffer(b"".join(pieces), "<i2")
    edges = [0, *(np.flatnonzero(np.diff(samples)) + 1), len(samples)]
    return [(a / RATE, b / RATE, int(samples[a])) for a, b in pairwise(edges) if samples[a]]


def test_each_cue_sounds_at_its_time() -> None:
    """A cue begins at its sample, also if it is out of order in the file; notes of music are silent; words have their
    times."""
    speech, pieces, _ = spoken((9.0, 11.0, "It ends."), (1.25, 3.0, "<i>Hello there</i>"), (4.0, 6.0, "♪♪"))
    assert [(start, stop) for start, stop, _ in sounding(pieces)] == [(1.25, 2.25), (9.0, 10.0)]
    assert [(word.word, word.start, word.end) for each in speech.transcript() for word in each.words] == [
        (" Hello", 1.25, 1.75), (" there", 1.75, 2.25), (" It", 9.0, 9.5), (" ends.", 9.5, 10.0),
    ]  # fmt: skip


def test_silence_passes_in_small_pieces() -> None:
    """A film of two hours with two cues is never in memory."""
    _, pieces, _ = spoken((0.0, 1.0, "One."), (7200.0, 7201.0, "Two."))
    assert sum(map(len, pieces)) == 2 * 7200 * RATE + len(pieces[-1])
    assert max(map(len, pieces)) <= 2 * RATE


def test_what_would_sound_into_the_next_is_spoken_faster(capfd: pytest.CaptureFixture[str]) -> None:
    """The pace is as fast as need be, 1.35 times at most; then the next begins late, and the cue is named."""
    _, pieces, client = spoken((0.0, 1.6, "one two three four"), (1.7, 3.0, "Next."))
    assert [each["speed"] for each in client.asked] == [1.0, pytest.approx(1.19, abs=0.01), 1.0]
    assert sounding(pieces)[0][1] <= 1.72
    assert capfd.readouterr().err == ""
    _, pieces, client = spoken((0.0, 1.0, "one two three four"), (1.0, 2.0, "Next."))
    assert [each["speed"] for each in client.asked] == [1.0, 1.35, 1.0]
    assert sounding(pieces) == [(0.0, pytest.approx(1.48 + 0.5, abs=0.02), 400)]
    assert "Cue 1 is 0.5 s too long, even 1.35 times as fast: the next begins later." in capfd.readouterr().err


def test_people_at_once_sound_at_once() -> None:
    """Each with a voice of their own: that of their name, or one that nobody else has; one person waits for the end."""
    people = (0.0, 2.0, "[Heart]: one two"), (0.5, 2.0, "[Anna]: three"), (0.6, 2.0, "[Anna]: four")
    _, pieces, client = spoken(*people)
    assert [(each["text"], each["voice"]) for each in client.asked if each["speed"] == 1] == [
        ("one two", "heart"), ("three", "bella"), ("four", "bella"),
    ]  # fmt: skip
    heights = {height for _, _, height in sounding(pieces)}
    assert heights == {100, 200, 300}


def test_somebody_waits_for_who_speaks_before_them() -> None:
    """Two people who do not speak at once in the file do not here either, when the first takes too long."""
    _, pieces, _ = spoken((0.0, 1.0, "[Heart]: one two three four"), (1.0, 2.0, "[Anna]: five"))
    (_, end, first), (start, _, second) = sounding(pieces)
    assert (first, second) == (100, 200)
    assert 1.48 <= end == start


def test_who_may_be_interrupted_is_not_hurried() -> None:
    """A cue beside which somebody else begins has time until the next one of the same person."""
    _, _, client = spoken((0.0, 4.0, "[Heart]: one two three"), (0.5, 1.0, "[Anna]: four"), (4.0, 5.0, "[Heart]: five"))
    assert [each["speed"] for each in client.asked] == [1.0, 1.0, 1.0]


def test_cues_of_one_time_are_spoken_one_after_the_other() -> None:
    """Lines that begin together are not hurried for each other, but for what begins later."""
    _, pieces, client = spoken((0.0, 3.0, "one two"), (0.0, 3.0, "three"), (3.0, 4.0, "four"))
    assert [each["speed"] for each in client.asked] == [1.0, 1.0, 1.0]
    assert [(start, stop) for start, stop, _ in sounding(pieces)] == [(0.0, 1.5), (3.0, 3.5)]


def test_a_cue_that_begins_before_the_film_is_named_and_spoken(capfd: pytest.CaptureFixture[str]) -> None:
    """A file that was moved too far loses no words."""
    file, client = (
        read("7\n-00:00:02,000 --> 00:00:01,000\nOne.\n\n8\n00:00:02,000 --> 00:00:03,000\nTwo.\n", "a.srt"),
        Client(),
    )
    assert file
    pieces = list(TimedSpeech(client, parse("say", ["-o", "x.wav", "x"]), file))  # type: ignore[arg-type]
    assert [start for start, _, _ in sounding(pieces)] == [0.0, 2.0]
    assert "Cue 1 begins before the film: it is spoken at its beginning." in capfd.readouterr().err


def test_a_time_that_no_film_has_is_refused() -> None:
    """A slip of the pen would fill the disk with silence."""
    with hushd_error("bad_request", "Cue 2 begins after a day"):
        spoken((0.0, 1.0, "One."), (360_000.0, 360_001.0, "Two."))


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize(("arguments", "given", "words"), [
    (["--timed", "-o", "x.wav"], b"Some text.", "Standard input has no subtitles"),
    (["--timed", "-o", "x.wav"], b"1\n00:01 --> 00:00:02,000\nHi.\n", "Line 2 of Standard input has no times"),
    (["--timed", "-o", "x.wav"], b"WEBVTT\n\n00:01.000 --> 00:02.000\n[music]\n", "no cue in which somebody speaks"),
    (["--timed", "hello"], b"", "--timed is for subtitles"),
    (["-o", "x.m4a", "--timed"], b"1\n00:00:01,000 --> 00:00:02,000\nHi.\n", "is not written as m4a"),
    (["-o", "x.wav", "flim.srt"], b"", "'flim.srt' cannot be read"),
    (["--subtitles", "x.doc", "hello"], b"", "'x.doc' names no format"),
    (["--subtitles", "/no/such/x.srt", "hello"], b"", "there is no folder '/no/such'"),
])  # fmt: skip
def test_what_cannot_be_timed_is_refused(
    arguments: list[str], given: bytes, words: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, and no file."""
    monkeypatch.chdir(tmp_path)
    done = run("say", *arguments, input=given)
    assert done.returncode
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_speech_is_encoded_as_it_comes(form: str, tmp_path: Any) -> None:
    """Nothing waits in memory for the end, and the header is right."""
    from hushd.synthesis.speech_file import encoding
    from hushd_protocol.system.output_file import OutputFile

    path = tmp_path / f"x.{form}"
    with OutputFile(path) as file, encoding(file, form, 24_000, 1) as write:
        sizes = []
        for _ in range(4):
            write(np.random.default_rng(1).integers(-9000, 9000, 24_000, "<i2").tobytes())
            sizes.append(file.size)
    assert sizes == sorted(set(sizes))
    assert soundfile.info(path).frames == 96_000

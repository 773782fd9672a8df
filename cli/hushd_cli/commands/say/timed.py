"""`say -o dub.wav film.srt`: subtitles are spoken in their times, with silence between them."""

from __future__ import annotations

import math
from argparse import Namespace
from array import array
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, cycle
from typing import TYPE_CHECKING, Any

from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_models import text_language
from hushd_models.choice.voices import speaking
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import plural
from hushd_reading.subtitles import Cue, SubtitleFile

from hushd_cli.terminal import console

from .options import synthesize_options

if TYPE_CHECKING:
    from hushd.client import Client

_MAX_PACE = 1.35  # times the usual pace, at which people still follow
_INTO_NEXT_S = 0.02  # seconds that a cue may sound into the next
_LEAST_LATE_S = 0.05  # seconds by which a cue that is named is late
_LAST_SOUND_S = 0.05  # seconds behind a last word, which fades
_MAX_FILM_S = 86_400.0
_NAMED = 5  # cues that are too long


class TimedSpeech(Iterator[bytes]):
    """The samples (s16le) of subtitles while they are made: each cue sounds from its time on. One that would sound into
    the next is spoken faster, and where that is not enough the next begins later, which is said. Cues that the file has
    at once, of different people, sound at once. Raises `bad_request` for a time that no film has.

    Attributes:
        rate, channels: of the samples.
    """

    def __init__(self, client: Client, options: Namespace, file: SubtitleFile) -> None:
        self._client = client
        self._options = options
        spoken = [(n, cue) for n, cue in enumerate(file.cues, 1) if cue.spoken]
        for number, cue in spoken:
            if cue.start < 0:
                console.complain(f"Cue {number} begins before the film: it is spoken at its beginning.")
        self._cues = sorted(
            ((n, cue._replace(start=max(0.0, cue.start))) for n, cue in spoken), key=lambda each: each[1].start
        )
        if self._cues[-1][1].start > _MAX_FILM_S:
            raise HushdError("bad_request", f"Cue {self._cues[-1][0]} begins after a day: no film is so long.")
        text = " ".join(cue.spoken for _, cue in self._cues)
        self._language = options.language or (text_language.certain(text) if options.voice is None else None) or None
        self._voices = self._cast()
        self.rate, self.channels = options.sample_rate or 0, options.channels or 1
        self._segments: list[Segment] = []
        self._line, self._done, self._late = console.StatusLine(), 0, 0
        made = self._make()
        self._pieces = chain([next(made)], made)  # the first one tells the rate

    def __next__(self) -> bytes:
        return next(self._pieces)

    def transcript(self) -> Transcript:
        """Returns the text spoken so far, at its times."""
        return Transcript(tuple(self._segments), self._language or "")

    def close(self) -> None:
        """Removes the line of progress."""
        self._line.clear()

    def _progress(self, columns: int) -> str:
        return f"{self._done} of {len(self._cues)} cues"[:columns]

    def _cast(self) -> dict[str, str]:
        """Returns a voice for each person whom the file names: that of this name, or one that nobody else has."""
        people = [*dict.fromkeys(cue.speaker for _, cue in self._cues if cue.speaker)]
        if not people:
            return {}

        here = [voice for voice in self._client.voices() if voice.installed]
        names = {voice.name.casefold(): voice.name for voice in here}
        cast = {who: names[who.casefold()] for who in people if who.casefold() in names}
        able = speaking(here, self._language or "en")
        others = [voice.name for voice in able if voice.engine == able[0].engine and voice.name not in cast.values()]
        spare = cycle(others or [voice.name for voice in able] or [self._options.voice])
        cast |= {who: next(spare) for who in people if who not in cast}
        console.note("Voices: " + ", ".join(f"{who} is {voice}" for who, voice in cast.items()) + ".")
        return cast

    def _make(self) -> Iterator[bytes]:
        sounding = list[tuple[Cue, float]]()
        at, waiting = 0, b""  # bytes passed on, and those behind them
        for index, (number, cue) in enumerate(self._cues):
            self._done = index
            self._line.show(self._progress)
            ended = [end for other, end in sounding if other.speaker == cue.speaker or other.end <= cue.start]
            start = max([cue.start, *ended])
            sound, segments = self._fitting(index, number, start)
            sounding = [*((other, end) for other, end in sounding if end > cue.start), (cue, segments[-1].end)]
            self._segments += (replace(each, id=len(self._segments) + n) for n, each in enumerate(segments))
            passed = waiting[: max(0, self._place(cue.start) - at)]
            if passed:
                yield passed
            at, waiting = at + len(passed), waiting[len(passed) :]
            while not waiting and (silence := self._place(min(start - at / self._place(1.0), 1.0))):
                yield bytes(silence)
                at += silence
            first = self._place(start) - at
            waiting = waiting.ljust(first, b"\0")
            both = waiting[first : first + len(sound)]
            rest = sound[len(both) :] + waiting[first + len(sound) :]
            waiting = waiting[:first] + _mixed(both, sound[: len(both)]) + rest
        yield waiting
        if self._late > _NAMED:
            self._line.clear()
            console.complain(f"{plural(self._late - _NAMED, 'more cue')} cannot be spoken in time.")

    def _place(self, seconds: float) -> int:
        """Returns the bytes before a second."""
        return round(seconds * self.rate) * 2 * self.channels

    def _fitting(self, index: int, number: int, start: float) -> tuple[bytes, list[Segment]]:
        """Returns the sound of a cue from a second on, so fast that it ends before the next one, where it can."""
        cue = self._cues[index][1]
        following = (other for _, other in self._cues[index + 1 :] if other.start > cue.start)
        ends = (each.start for each in following if each.start >= cue.end or each.speaker == cue.speaker)
        until = next(ends, math.inf) + _INTO_NEXT_S
        sound, segments = self._spoken(cue, start, 1.0)
        if segments[-1].end > until:
            pace = (segments[-1].end - start) / max(until - start, 0.01)
            sound, segments = self._spoken(cue, start, min(_MAX_PACE, 1.02 * pace))
        if (over_s := segments[-1].end - until) >= _LEAST_LATE_S:
            self._late += 1
            if self._late <= _NAMED:
                late = f"{over_s:.1f} s too long, even {_MAX_PACE} times as fast"
                self._line.clear()
                console.complain(f"Cue {number} is {late}: the next begins later.")
        return sound, segments

    def _spoken(self, cue: Cue, start: float, faster: float) -> tuple[bytes, list[Segment]]:
        """Returns the sound of a cue from its first word to its last, and its sentences, from a second on."""
        options: dict[str, Any] = {**synthesize_options(self._options), "timeline": True, "channels": self.channels}
        options["sample_rate"] = self.rate or None
        if voice := self._voices.get(cue.speaker):
            options |= {"voice": voice, "language": None}
        elif options["voice"] is None:
            options["language"] = self._language
        options |= {"wpm": options["wpm"] * faster} if options["wpm"] else {"speed": faster}
        worker = {name: getattr(self._options, name) for name in ("engine", "model", "keep_alive", "priority")}
        speech = self._client.synthesize(cue.spoken, **options, **worker)
        sound = b"".join(speech)
        self.rate = self.rate or speech.rate
        sentences = speech.transcript().segments
        first, last = sentences[0].start, sentences[-1].end + _LAST_SOUND_S
        segments, later = [], start - first
        for each in sentences:
            words = [Word(word.word, round(word.start + later, 3), round(word.end + later, 3)) for word in each.words]
            segments.append(
                replace(each, start=words[0].start, end=words[-1].end, words=tuple(words), speaker=cue.speaker)
            )
        return sound[self._place(first) : self._place(last)], segments


def _mixed(sound: bytes, other: bytes) -> bytes:
    """Returns two sounds (s16le) of one length at once."""
    pairs = zip(array("h", sound), array("h", other), strict=True)
    return array(
        "h", (max(-32768, min(32767, one_sample + other_sample)) for one_sample, other_sample in pairs)
    ).tobytes()

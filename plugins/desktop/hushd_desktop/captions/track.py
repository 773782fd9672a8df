"""Captions of one sound source: consecutive sessions of live transcription while there is sound.

A session ends after a minute without speech. No data is sent until there is sound again, so the worker may leave:
captions of a silent evening take no memory.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hushd.audio.playback_buffer import QUIET_SAMPLE
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import SILENCE_S

from .recent_sound import RecentSound

if TYPE_CHECKING:
    from hushd.audio.recording import Device
    from hushd.client import Client
    from hushd.transcripts.segment import Segment, Word
    from hushd.transcripts.transcript import Transcription

MAX_LINE_S = 8.0  # seconds of a line without pauses: longer lines appear later
ASLEEP_S = 60.0  # seconds without speech, after which a session ends
BEFORE_SPEECH_S = 1.0  # seconds of sound kept from before the first speech
TRIES = 3  # failed sessions in a row
BACK_S = 30.0  # seconds to wait for a supervisor that this program may not start
TRACK_LOOK_INTERVAL_S = 0.5  # seconds between two looks for it


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An unfinished line: `stable` does not change any more, `text` after it may."""

    track: str
    stable: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A finished line; times are seconds since the captions began."""

    track: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class Heard:
    """The device that is recorded from now on."""

    track: str
    source: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence for the user."""

    track: str
    sentence: str


Event = Unfinished | Line | Heard | Noted


class Track:
    """The captions of one source.

    Args:
        name: `me` or `them`.
        begun_s: when the source was opened, in seconds since the captions began.
        put: called with each event, on the thread of `run`.
        listening: further arguments of `Client.listen`.

    Attributes:
        language: of the last line; empty if the engine does not report it.
    """

    def __init__(
        self, name: str, source: Device, begun_s: float, put: Callable[[Event], None], listening: dict[str, Any]
    ) -> None:
        self.name = name
        self._source = source
        self._begun_s = begun_s
        self._put = put
        self._listening = dict(listening)
        self._recording = RecentSound(source)
        self._stopped = False
        self._line = 0
        self.language = ""

    def run(self, client: Client) -> None:
        """Puts this track's events until its source ends. Raises HushdError after several failed sessions in a row."""
        failures, looks = 0, 0
        while self._wait_for_sound():
            count = self._line
            try:
                if self._session(client).ended == "input":
                    return
                failures = looks = 0
            except HushdError as error:
                if self._line > count:
                    failures = looks = 0
                if error.code == "no_supervisor":
                    if not self._look_again(error, looks):
                        raise
                    looks += 1
                    continue
                failures += 1
                if failures >= TRIES or not (error.retryable or error.code == "poison_request"):
                    raise
                self._excuse(error)

    def stop(self) -> None:
        """Ends `run` after the speech heard so far. Safe in a signal handler."""
        self._stopped = True
        self._source.stop()

    def _look_again(self, error: HushdError, looks: int) -> bool:
        """Waits for a supervisor that has gone, keeping the sound; returns False on timeout."""
        if looks >= BACK_S / TRACK_LOOK_INTERVAL_S or self._stopped:
            return False
        if not looks:
            self._note(f"{error.message} The captions wait {BACK_S:.0f} s for it.")
        time.sleep(TRACK_LOOK_INTERVAL_S)
        return True

    def _excuse(self, error: HushdError) -> None:
        """Reports a failure to the user; sound that killed two workers is not sent to a third."""
        if error.code == "poison_request":
            self._recording.go_back(0.0)
            self._note("The last speech has killed its worker twice, and is left out. The captions go on.")
        else:
            self._note(f"{error.message} The captions go on, and a few words may be missing.")

    def _wait_for_sound(self) -> bool:
        """Waits for sound; returns False if the source ends first."""
        for chunk in self._recording.read():
            if max(array("h", chunk), key=abs, default=0) not in range(-QUIET_SAMPLE, QUIET_SAMPLE + 1):
                self._recording.go_back(BEFORE_SPEECH_S + len(chunk) / 2 / self._recording.rate)
                return True
        return False

    def _session(self, client: Client) -> Transcription:
        begun_s = self._begun_s + self._recording.begins_s
        transcription = client.listen(
            self._recording.read(),
            rate=self._recording.rate,
            continuous=True,
            no_speech_s=ASLEEP_S,
            on_partial=lambda stable, text: self._put(Unfinished(self.name, stable, text)),
            **{"silence_s": SILENCE_S, "max_segment_s": MAX_LINE_S, **self._listening},
        )
        try:
            for segment in transcription:
                self._put(Line(self.name, self._timed(segment, begun_s)))
                self._line += 1
                self.language = transcription.language
        except HushdError:
            self._recording.go_on_at(transcription.rest_s, SILENCE_S)
            raise
        self._recording.go_on_at(transcription.duration, SILENCE_S)
        return transcription

    def _timed(self, segment: Segment, begun_s: float) -> Segment:
        """Returns the segment as the next line of this track, with times since the captions began."""

        def times(part: Segment | Word) -> dict[str, Any]:
            return {"start": round(begun_s + part.start, 3), "end": round(begun_s + part.end, 3)}

        words = tuple(replace(word, **times(word)) for word in segment.words)
        return replace(segment, id=self._line, words=words, speaker=self.name, **times(segment))

    def _note(self, sentence: str) -> None:
        self._put(Noted(self.name, sentence))

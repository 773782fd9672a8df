"""One source of sound as captions: sessions of live transcription, one after the other, while something sounds.

A session ends when nobody has spoken for a minute. Until something sounds again nothing is sent, and so the worker may
leave: captions of a silent evening hold no memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hushd.audio.recording import Recording
from hushd.audio.silence import QUIET
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import SILENCE_S

if TYPE_CHECKING:
    from hushd.audio.recording import Device
    from hushd.client import Client
    from hushd.transcripts.segment import Segment
    from hushd.transcripts.transcription import Transcription

LONGEST_S = 8.0  # of a line where nobody pauses: what is said lags behind the more, the longer it is
ASLEEP_S = 60.0  # without speech, that end a session
LEAD_S = 1.0  # kept from before the first sound
TRIES = 3  # sessions that may fail one after the other


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A line in the making: `stable` stays as it is until its segment comes, `text` behind it may change."""

    track: str
    stable: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A finished line; its times are seconds since the captions began."""

    track: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class Heard:
    """The device that is heard from now on."""

    track: str
    source: str


Event = Unfinished | Line | Heard


class Track:
    """Captions of one source.

    Args:
        name: `me` or `them`.
        source: the open device.
        begun_s: seconds since the captions began, when the source was opened.
        put: called on the thread of `run` with each event.
        on_note: called there with a sentence for the user.
        listening: further arguments of `Client.listen`.

    Attributes:
        language: of the last line; empty where the engine does not say.
    """

    def __init__(
        self,
        name: str,
        source: Device,
        begun_s: float,
        put: Callable[[Event], None],
        on_note: Callable[[str], None],
        listening: dict[str, Any],
    ) -> None:
        self.name = name
        self._source = source
        self._begun_s = begun_s
        self._put = put
        self._note = on_note
        self._listening = listening
        self._recording = Recording(source)
        self._line = 0
        self.language = ""

    def run(self, client: Client) -> None:
        """Puts the events of this track until its source ends.

        Raises:
            HushdError: the source has gone, or sessions keep failing.
        """
        failures = 0
        while self._wait_for_sound():
            count = self._line
            try:
                if self._session(client).ended == "input":
                    return
                failures = 0
            except HushdError as error:
                failures = 1 if self._line > count else failures + 1
                if not error.retryable or failures >= TRIES:
                    raise
                self._note(f"{error.message} The captions go on, and a few words may be missing.")

    def stop(self) -> None:
        """Ends `run` after the speech heard until now. Safe in a signal handler."""
        self._source.stop()

    def _wait_for_sound(self) -> bool:
        """Returns whether there is any before the source ends."""
        for chunk in self._recording.read():
            if max(array("h", chunk), key=abs, default=0) not in range(-QUIET, QUIET + 1):
                self._recording.go_back(LEAD_S + len(chunk) / 2 / self._recording.channels / self._recording.rate)
                return True
        return False

    def _session(self, client: Client) -> Transcription:
        begun_s = self._begun_s + self._recording.begins_s
        transcription = client.listen(
            self._recording.read(),
            rate=self._recording.rate,
            channels=self._recording.channels,
            echo=self._recording.channels > 1,
            continuous=True,
            no_speech_s=ASLEEP_S,
            on_partial=lambda stable, text: self._put(Unfinished(self.name, stable, text)),
            **{"silence_s": SILENCE_S, "max_segment_s": LONGEST_S, **self._listening},
        )
        try:
            for segment in transcription:
                self._finish(segment, begun_s)
                self.language = transcription.language
        except HushdError:
            self._recording.go_on_at(transcription.rest_s, SILENCE_S)
            raise
        self._recording.go_on_at(transcription.duration, SILENCE_S)
        return transcription

    def _finish(self, segment: Segment, begun_s: float) -> None:
        start, end = (round(begun_s + seconds, 3) for seconds in (segment.start, segment.end))
        self._put(Line(self.name, replace(segment, id=self._line, start=start, end=end, speaker=self.name)))
        self._line += 1

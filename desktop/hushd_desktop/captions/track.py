"""One source of sound as captions: sessions of live transcription, one after the other, while something sounds.

A session ends when nobody has spoken for a minute. Until something sounds again nothing is sent, and so the worker may
leave: captions of a silent evening hold no memory.

With a larger model for a second pass, each session has its own, which goes on behind it while the next one hears.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hushd.audio.recording import Recording
from hushd.audio.silence import QUIET
from hushd.transcripts import precedence
from hushd.transcripts.spacing import joined
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import SILENCE_S
from hushd_schema.voiceprint import is_label

if TYPE_CHECKING:
    from hushd.audio.recording import Device
    from hushd.client import Client
    from hushd.transcripts.second_pass_plan import Revision
    from hushd.transcripts.segment import Segment
    from hushd.transcripts.transcription import Transcription
    from hushd_schema.transcript import LiveEvent

LONGEST_S = 8.0  # of a line where nobody pauses: what is said lags behind the more, the longer it is
ASLEEP_S = 60.0  # without speech, that end a session
LEAD_S = 1.0  # kept from before the first sound
TRIES = 3  # sessions that may fail one after the other
BACK_S = 30.0  # in which a supervisor that is not ours to start must be back
AGAIN_S = 0.5  # between two looks for it
# Nobody waits for the lines of a larger model, so these may be as long as it likes.
SECOND_PASS: dict[str, Any] = {"second_pass_each": "minute", "second_pass_options": {"max_segment_s": None}}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A line in the making: `stable` stays as it is until its segment comes, `text` behind it may change."""

    track: str
    stable: str
    text: str
    speaker: str = ""  # where speakers are told apart, and this one is known


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


@dataclass(frozen=True, slots=True)
class Revised:
    """Lines after a second pass, or one that turns out to be another speaker's: `segments` instead of those whose ids
    are in `replaces`."""

    track: str
    replaces: tuple[int, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence for the user; a `hint` is for one who looks at a terminal."""

    track: str
    sentence: str
    hint: bool = False


Event = Unfinished | Line | Heard | Revised | Noted


def lines_of(segments: Iterable[Segment], silence_s: float) -> list[Segment]:
    """The segments of a recording as captions have lines: cut where somebody pauses for `silence_s`, or goes on."""
    lines: list[Segment] = []
    for segment in segments:
        segment = replace(segment, id=-1)
        if lines and segment.start - lines[-1].end < silence_s and segment.end - lines[-1].start <= LONGEST_S:
            last = lines.pop()
            text = joined((last.text, segment.text))
            segment = replace(last, end=segment.end, text=text, words=last.words + segment.words)
        lines.append(segment)
    return lines


class Track:
    """Captions of one source.

    Args:
        name: `me` or `them`.
        source: the open device.
        begun_s: seconds since the captions began, when the source was opened.
        put: called with each event, on the thread of `run` or that of a second pass.
        listening: further arguments of `Client.listen`. With `diarize` lines have the names of their speakers, and not
            the track's; who speaks after a minute's silence has a name that nobody had before.

    Attributes:
        language: of the last line; empty where the engine does not say.
    """

    def __init__(
        self,
        name: str,
        source: Device,
        begun_s: float,
        put: Callable[[Event], None],
        listening: dict[str, Any],
    ) -> None:
        self.name = name
        self._source = source
        self._begun_s = begun_s
        self._put = put
        self._listening = dict(listening)
        self._copies: list[Transcription] = []  # sessions whose second pass is not whole yet
        self._complaints: set[str] = set()
        if source.channels > 1 and self._listening.pop("second_pass", None):
            self._note(f"Lines of `{name}` get no second pass: their sound has the loudspeaker in it.")
        self._recording = Recording(source)
        self._stopped = False
        self._line = 0
        self._speaker = ""  # of the line in the making
        self._people = self._earlier = 0  # speakers named so far, and in earlier sessions
        self.language = ""

    def run(self, client: Client) -> None:
        """Puts the events of this track until its source ends and its last second pass has come.

        Raises:
            HushdError: the source has gone, or sessions keep failing.
        """
        try:
            self._hear(client)
        finally:
            if self._copies:
                self._put(Noted(self.name, "The second pass is under way: Ctrl-C keeps the draft.", hint=True))
            self._settle(self._copies)

    def stop(self) -> None:
        """Ends `run` after the speech heard until now. Safe in a signal handler."""
        self._stopped = True
        self._source.stop()

    def _hear(self, client: Client) -> None:
        failures, looks = 0, 0
        while self._wait_for_sound():
            count = self._line
            try:
                if precedence.admitted(lambda: self._session(client)).ended == "input":
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
                if not _may_go_on(error) or failures >= TRIES:
                    raise
                self._excuse(error)

    def _look_again(self, error: HushdError, looks: int) -> bool:
        """Waits for a supervisor that has gone; returns False once it has been long enough. The sound is kept."""
        if looks >= BACK_S / AGAIN_S or self._stopped:
            return False
        if not looks:
            self._note(f"{error.message} The captions wait {BACK_S:.0f} s for it.")
        time.sleep(AGAIN_S)
        return True

    def _excuse(self, error: HushdError) -> None:
        """Says what has happened; sound that has killed two workers is not sent to a third."""
        if error.code == "poison_request":
            self._recording.go_back(0.0)
            self._note("What was said just now has killed its worker twice, and is left out. The captions go on.")
        else:
            self._note(f"{error.message} The captions go on, and a few words may be missing.")

    def _wait_for_sound(self) -> bool:
        """Returns whether there is any before the source ends."""
        for chunk in self._recording.read():
            if max(array("h", chunk), key=abs, default=0) not in range(-QUIET, QUIET + 1):
                self._recording.go_back(LEAD_S + len(chunk) / 2 / self._recording.channels / self._recording.rate)
                return True
        return False

    def _session(self, client: Client) -> Transcription:
        lines: dict[int, int] = {}  # by the ids of the session's segments
        self._earlier = self._people
        begun_s = self._begun_s + self._recording.begins_s
        transcription = client.listen(
            self._recording.read(),
            rate=self._recording.rate,
            channels=self._recording.channels,
            echo=self._recording.channels > 1,
            continuous=True,
            no_speech_s=ASLEEP_S,
            on_partial=lambda stable, text: self._put(Unfinished(self.name, stable, text, self._speaker)),
            on_event=self._follow,
            on_revised=lambda revision: self._revise(revision, lines, begun_s),
            **SECOND_PASS,
            **{"silence_s": SILENCE_S, "max_segment_s": LONGEST_S, **self._listening},
        )
        if transcription.second_pass:
            self._copies.append(transcription)
        try:
            for segment in transcription:
                lines[segment.id] = self._line
                self._finish(segment, begun_s)
                self.language = transcription.language
                self._settle([copy for copy in self._copies if copy.second_pass and copy.second_pass.over])
        except HushdError:
            self._recording.go_on_at(transcription.rest_s, SILENCE_S)
            raise
        self._recording.go_on_at(transcription.duration, SILENCE_S)
        return transcription

    def _finish(self, segment: Segment, begun_s: float) -> None:
        self._put(Line(self.name, self._timed(replace(segment, id=self._line), begun_s)))
        self._line += 1

    def _follow(self, kind: str, event: LiveEvent) -> None:
        """Follows who speaks."""
        if kind == "began":
            self._speaker = ""
        elif kind == "speaker":
            self._speaker = self._named(event["speaker"])

    def _named(self, speaker: str) -> str:
        """The name in all sessions of a speaker in this one: people who are known have theirs."""
        if not is_label(speaker):
            return speaker
        number = self._earlier + int(speaker.rpartition("_")[2])
        self._people = max(self._people, number + 1)
        return f"SPEAKER_{number:02d}"

    def _revise(self, revision: Revision, lines: dict[int, int], begun_s: float) -> None:
        if self._listening.get("diarize"):  # and so there is no second pass
            for segment in revision.segments:
                line = self._timed(replace(segment, id=lines[segment.id]), begun_s)
                self._put(Revised(self.name, (line.id,), (line,)))
            return
        replaces = tuple(lines.pop(draft) for draft in revision.replaces)
        segments = lines_of(revision.segments, self._listening.get("silence_s", SILENCE_S))
        self._put(Revised(self.name, replaces, tuple(self._timed(segment, begun_s) for segment in segments)))

    def _timed(self, segment: Segment, begun_s: float) -> Segment:
        """The segment with times since the captions began."""
        start, end = (round(begun_s + seconds, 3) for seconds in (segment.start, segment.end))
        words = (
            replace(word, start=round(begun_s + word.start, 3), end=round(begun_s + word.end, 3))
            for word in segment.words
        )
        speaker = self._named(segment.speaker) if segment.speaker else self.name
        return replace(segment, start=start, end=end, words=tuple(words), speaker=speaker)

    def _settle(self, copies: list[Transcription]) -> None:
        """Waits for these second passes; where one cannot be made, the lines stay, and the user learns of it once."""
        for transcription in copies:
            self._copies = [copy for copy in self._copies if copy is not transcription]
            try:
                transcription.after_second_pass()
            except HushdError as error:
                if error.message not in self._complaints:
                    self._complaints.add(error.message)
                    self._note(f"{error.message} The captions stay as they were heard.")

    def _note(self, sentence: str) -> None:
        self._put(Noted(self.name, sentence))


def _may_go_on(error: HushdError) -> bool:
    """Returns whether the next session may succeed: one with other sound, after one that was lethal."""
    return error.retryable or error.code == "poison_request"

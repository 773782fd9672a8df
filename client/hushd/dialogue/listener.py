"""The transcription of one utterance on a thread of its own, while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from .state import Event

if TYPE_CHECKING:
    from hushd_schema.transcript import LiveEvent, OnEvent

    from hushd.transcripts.transcript import Transcript
    from hushd.transcripts.transcription import Transcription

    from .recorder import Tape


class TurnListener:
    """Transcribes what one turn of a conversation hears. A context manager.

    Args:
        tape: what the microphone records.
        begin: starts a transcription of the tape, given the callback for its events.
        report: called on the other thread with BEGAN, NOTHING and, at the end, HEARD.
        on_echo: called there with whether the echo of what is played is known to be removed.
        meanwhile: see `hears_meanwhile`.
        owner: the speaker who alone may interrupt; empty: anybody.
        speaking: returns whether something is played.

    Attributes:
        counts: whether the utterance under way is anybody's to hear: not while something is played and its voice is not
            known to be the owner's.
        hears_meanwhile: whether it may listen while something is played.
    """

    def __init__(
        self,
        tape: Tape,
        begin: Callable[[OnEvent], Transcription],
        report: Callable[[Event], None],
        on_echo: Callable[[bool], None],
        meanwhile: bool,
        owner: str = "",
        speaking: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tape = tape
        self._begin = begin
        self._report = report
        self._on_echo = on_echo
        self.hears_meanwhile = meanwhile
        self.counts = True
        self._owner = owner
        self._speaking = speaking
        self._closed = False
        self._transcription: Transcription | None = None
        self._transcript: Transcript | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> TurnListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def on_output(self) -> Callable[[bytes | None], None] | None:
        """The callback for played sound, as `Player` takes it; None: nobody needs it."""
        return self._tape.reference.play if self._tape.reference else None

    def listen(self) -> None:
        """Starts the transcription. Safe to call twice."""
        if self._transcription is None:
            self._tape.unmute()
            self._transcription = self._begin(self._take)
            threading.Thread(target=self._run, args=(self._transcription,), name="hushd-listener", daemon=True).start()

    def close(self) -> None:
        """Cancels the transcription."""
        self._closed = True
        if self._transcription is not None:
            self._transcription.close()

    @property
    def heard_s(self) -> float | None:
        """Seconds of audio up to the end of the utterance; None: it has not ended."""
        return None if self._transcript is None else self._transcript.duration

    @property
    def failed(self) -> bool:
        """True if the transcription has ended with an error."""
        return self._error is not None

    def transcript(self) -> Transcript:
        """Returns the transcript, once HEARD was reported.

        Raises:
            BaseException: the error with which the transcription ended.
        """
        if self._error is not None:
            raise self._error
        assert self._transcript is not None
        return self._transcript

    def _run(self, transcription: Transcription) -> None:
        try:
            transcript = transcription.transcript()
            while not self._is_heard(transcript):
                self._tape.go_on_at(transcript.duration, 0.0)
                transcription = self._transcription = self._begin(self._take)
                if self._closed:
                    transcription.close()
                transcript = transcription.transcript()
            self._transcript = transcript
        except BaseException as error:
            self._error = error
        self._report(Event.HEARD)

    def _is_heard(self, transcript: Transcript) -> bool:
        """Returns whether an utterance that has ended counts: one that outlasts the loudspeaker is an answer."""
        if any(segment.speaker == self._owner for segment in transcript) or not self._speaking():
            self._count()
        return self.counts

    def _count(self) -> None:
        if not self.counts:
            self.counts = True
            self._report(Event.BEGAN)

    def _take(self, kind: str, data: LiveEvent) -> None:
        if kind == "began":
            self.counts = False
            if not (self._owner and self._speaking()):
                self._count()
        elif kind == "speaker" and data.get("speaker") == self._owner:
            self._count()
        elif kind == "nothing" and self.counts:
            self._report(Event.NOTHING)
        elif kind == "echo":
            self._on_echo(bool(data.get("gone")))

"""The transcription of one utterance on a thread of its own, while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from .state import Event

if TYPE_CHECKING:
    from hushd_schema.results import LiveEvent, OnEvent

    from hushd.transcripts.transcript import Transcript
    from hushd.transcripts.transcription import Transcription

    from .recorder import Tape


class TurnListener:
    """Transcribes what one turn of a conversation hears. A context manager.

    Args:
        tape: what the microphone records.
        begin: starts a transcription of the tape, given the callback for its events.
        report: called on the other thread with BEGAN, NOTHING and, at the end, HEARD.
        meanwhile: see `hears_meanwhile`.

    Attributes:
        hears_meanwhile: whether it may listen while something is played.
    """

    def __init__(
        self,
        tape: Tape,
        begin: Callable[[OnEvent], Transcription],
        report: Callable[[Event], None],
        meanwhile: bool,
    ) -> None:
        self._tape = tape
        self._begin = begin
        self._report = report
        self.hears_meanwhile = meanwhile
        self._transcription: Transcription | None = None
        self._transcript: Transcript | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> TurnListener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listen(self) -> None:
        """Starts the transcription. Safe to call twice."""
        if self._transcription is None:
            self._tape.unmute()
            self._transcription = self._begin(self._take)
            threading.Thread(target=self._run, args=(self._transcription,), name="hushd-listener", daemon=True).start()

    def close(self) -> None:
        """Cancels the transcription."""
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
            self._transcript = transcription.transcript()
        except BaseException as error:
            self._error = error
        self._report(Event.HEARD)

    def _take(self, kind: str, data: LiveEvent) -> None:
        if kind == "began":
            self._report(Event.BEGAN)
        elif kind == "nothing":
            self._report(Event.NOTHING)

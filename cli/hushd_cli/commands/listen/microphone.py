"""`listen` without files: transcribes the microphone live."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hushd.audio.microphone import Microphone, zeros_reason
from hushd.client import Client
from hushd.reports.display import columns_of
from hushd.transcripts.segment import Segment
from hushd.warnings import exit_code
from hushd_protocol import names
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import Styled, escaped

from hushd_cli.terminal import console

from .options import transcribe_options
from .output import Feed, Output
from .written import Written

if TYPE_CHECKING:
    from hushd.transcripts.transcript import Transcript, Transcription

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


def transcribe(client: Client, options: Namespace, output: Output) -> int:
    """Transcribes one utterance, or with --continuous everything up to the end or Ctrl-C, which keeps the
    text; returns the exit code."""
    worker = names.worker("stt", options.engine, options.model)
    client.preload(worker, wait=False, language=options.language)  # it loads while the microphone opens
    console.silence_libraries()

    screen = _Screen()
    with (
        client.floor("microphone", on_wait=console.note_wait) as floor,
        Microphone(options.device) as microphone,
        interrupt(microphone.stop if options.continuous else None),
    ):
        console.note("Listening: Ctrl-C ends." if options.continuous else "Listening.")
        transcription = client.listen(
            floor.while_held(_checked(microphone)),
            rate=microphone.rate,
            continuous=options.continuous,
            silence_s=options.silence_s,
            turn_end=options.turn_end,
            end_word=options.end_word,
            no_speech_s=options.no_speech_s,
            engine=options.engine,
            model=options.model,
            keep_alive=options.keep_alive,
            on_partial=screen.unfinished,
            **transcribe_options(options),
        )
        if output.awaited:
            transcription.wait_for_verdict()
        session = _Session(transcription, Written(options) if options.written else None)
        try:
            if output.printed:
                for text in output.pieces(session):
                    screen.clear()
                    console.write(text)
            else:
                deque(session, maxlen=0)
                output.save("microphone", session.transcript)
        except HushdError as error:
            if error.code == "no_speech" and microphone.only_zeros:
                raise HushdError(error.code, zeros_reason()) from error
            raise
        finally:
            screen.clear()
        for warning in session.warnings:
            console.complain(warning.message)
        if session.end:
            raise session.end
        return exit_code(session.warnings)


def _checked(microphone: Microphone) -> Iterator[bytes]:
    """Yields the recorded sound; says once if there is nothing but zeros."""
    warned = False
    for chunk in microphone:
        if not warned and microphone.only_zeros:
            warned = True
            console.note(zeros_reason())
        yield chunk


class _Screen(console.StatusLine):
    """The unfinished line."""

    def unfinished(self, stable: str, text: str) -> None:
        self.show(lambda columns: unfinished(stable, text, columns))


class _Session(Feed):
    """The segments of a session, for a format to read.

    An error after the first segment ends the session like silence, so that no word is lost.

    Args:
        written: writes the numbers, if they are wanted in digits.

    Attributes:
        end: that error, to be raised once the format is written.
    """

    def __init__(self, transcription: Transcription, written: Written | None = None) -> None:
        super().__init__(self._items(transcription, written).__next__, False, lambda: transcription.language)
        self.end: HushdError | SystemExit | None = None

    def _items(self, transcription: Transcription, written: Written | None) -> Iterator[Segment | Transcript]:
        segments: list[Segment] = []
        try:
            for segment in transcription:
                segments.append(written.segment(segment, transcription.language) if written else segment)
                yield segments[-1]
        except (HushdError, SystemExit) as end:  # no microphone, or no terminal any more
            if not segments:
                raise
            self.end = end
        transcript = transcription.so_far(segments)
        yield replace(transcript, warnings=(*transcript.warnings, *(written.warnings if written else ())))


def unfinished(stable: str, text: str, columns: int) -> str:
    """Returns an unfinished utterance as a line for a terminal: its end if it is too long, dim where it may change."""
    stable, text = (escaped(" ".join(part.split("\n"))) for part in (stable, text))
    room = columns - 1  # some terminals begin a new line in the last column
    if columns_of(stable + text) > room:
        text = _tail(text, room - 1)
        stable = "…" + _tail(stable, room - 1 - columns_of(text))
    return Styled(f"{stable}{_DIM}{text}{_PLAIN}")


def _tail(text: str, room: int) -> str:
    start = len(text)
    while start and (room := room - columns_of(text[start - 1])) >= 0:
        start -= 1
    return text[start:]


@contextmanager
def interrupt(stop: Callable[[], None] | None) -> Iterator[None]:
    """Has the first Ctrl-C within the block call `stop`, if there is one, and a second one interrupt."""
    previous_handler = signal.getsignal(signal.SIGINT)
    if stop is None or previous_handler is signal.SIG_IGN:
        yield
        return

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, previous_handler)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous_handler)

"""`listen` without files: writes down what is said into the microphone, while it is said."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hushd.client import Client

from . import console
from .listening_options import hearing
from .output import Output

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


def hear(client: Client, options: Namespace, output: Output) -> None:
    """One utterance, or with --continuous all of them until Ctrl-C, which ends with what was said so far."""
    worker = "/".join(part for part in ("stt", options.engine, options.model) if part)
    client.preload(worker, wait=False)  # it loads while the microphone opens
    console.silence_libraries()
    from hushd.microphone import Microphone

    screen = console.StatusLine()
    with (
        client.floor("microphone", on_wait=console.note_wait) as floor,
        Microphone(options.device) as microphone,
        _interrupt(microphone.stop if options.continuous else None),
    ):
        console.note("Listening: Ctrl-C ends." if options.continuous else "Listening.")
        transcription = client.listen(
            floor.while_held(microphone),
            rate=microphone.rate,
            continuous=options.continuous,
            silence_s=options.silence,
            no_speech_s=options.timeout,
            engine=options.engine,
            model=options.model,
            keep_alive=options.keep_alive,
            on_partial=lambda stable, text: screen.show(lambda columns: unfinished(stable, text, columns)),
            **hearing(options),
        )
        try:
            if output.printed:
                for text in output.pieces(transcription):
                    screen.clear()
                    console.write(text)
            else:
                output.save("microphone", transcription.transcript())
        finally:
            screen.clear()


def unfinished(stable: str, text: str, columns: int) -> str:
    """An utterance on a line of a terminal: its end where it is too long, dim where it may still change."""
    stable, text = (" ".join(part.split("\n")) for part in (stable, text))
    room = columns - 1  # in the last column some terminals begin a new line
    if console.columns_of(stable + text) > room:
        text = _tail(text, room - 1)
        stable = "…" + _tail(stable, room - 1 - console.columns_of(text))
    return f"{stable}{_DIM}{text}{_PLAIN}"


def _tail(text: str, room: int) -> str:
    start = len(text)
    while start and (room := room - console.columns_of(text[start - 1])) >= 0:
        start -= 1
    return text[start:]


@contextmanager
def _interrupt(stop: Callable[[], None] | None) -> Iterator[None]:
    """Within the block the first Ctrl-C calls `stop`, if that is given, and a second one interrupts."""
    before = signal.getsignal(signal.SIGINT)
    if stop is None or before is signal.SIG_IGN:
        yield
        return

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

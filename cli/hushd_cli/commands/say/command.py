"""`say`: speaks text, or writes the sound to a file."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from hushd_cli.terminal import console
from hushd_cli.terminal.progress import shown_client

from . import input
from .input import Script
from .options import file_format, parse, synthesize_options

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.synthesis.speech import Speech


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.note:
        console.complain(options.note)
    if "?" in (options.device, options.format, options.data_format):
        from hushd_cli.listing import list_choices

        list_choices(options)
    elif options.wait:
        _do(options)
    else:
        from .detach import leave_to_child, stamp

        if input.typed(options):
            raise HushdError("bad_request", "Typed text is spoken as you type: leave out --no-wait.")
        if leave_to_child(reads=not options.text and options.input_file in (None, "-")):
            return 0
        try:
            _do(options)
        except HushdError as error:
            raise stamp(error) from error
    return 0


def _do(options: Namespace) -> None:
    if options.output is None and options.voice != "?":
        from hushd.audio import devices

        console.silence_libraries()
        devices.load_ahead()
    with shown_client(options.compute_device) as client:  # imported while the device is looked for
        if options.voice == "?":
            from hushd_cli.listing import list_voices

            list_voices(client, options)
        elif options.output is None:
            _play(client, options)
        else:
            _write(client, options)
    if options.voice is None and options.language is None:
        from hushd_cli.offers import mention_language  # once the speech was heard

        mention_language()


def _write(client: Client, options: Namespace) -> None:
    from hushd_protocol.system.output_file import STANDARD_OUTPUT, OutputFile

    form = file_format(options)
    text = input.of(options, noted=options.progress)
    screen = console.StatusLine()
    with OutputFile(STANDARD_OUTPUT if options.output == "-" else options.output) as file:
        if file.is_terminal:
            raise HushdError(
                "bad_request", "A terminal cannot play sound: send it to a program, as in `say -o - … | aplay`."
            )
        speech = _speech(client, options, text, form)
        try:
            for data, offset in speech.pieces():
                file.write(data, offset)
                if options.progress and speech.timeline:
                    _measure(screen, text, speech, speech.timeline[-1].end)
        finally:
            screen.clear()
        _warn(options, speech)


def _play(client: Client, options: Namespace) -> None:
    noted = options.progress or bool(options.interactive)
    if not input.typed(options):
        _speak(client, options, input.of(options, noted=noted))
        return
    for line in filter(bytes.strip, input.lines()):
        try:
            _speak(client, options, Script(b"".join(input.utf8([line], "The line")), noted=noted))
        except HushdError as error:
            if error.code not in ("bad_request", "input_unreadable"):
                raise
            console.complain(error.message)  # the error of one line; the next may succeed


def _speak(client: Client, options: Namespace, text: Script) -> None:
    speech = _speech(client, options, text, "s16le")
    from hushd.audio.playback import play  # while the worker works

    volume = 1.0 if options.volume is None else options.volume
    floor = client.floor("speaker", priority=options.priority, on_wait=console.note_wait, duck=options.duck)
    try:
        with _shown(options, text, speech) as on_position:
            _remember(options, text)
            play(speech, speech.rate, speech.channels, options.device, floor, volume, on_position)
    finally:
        speech.close()
    _warn(options, speech)


def _remember(options: Namespace, text: Script) -> None:
    """Remembers a text of the command line for `hushd names said`; texts from files may be long or private."""
    if not options.text or not isinstance(text.source, str | bytes):
        return
    from hushd.voice_assignments.recent import Recent
    from hushd.voice_assignments.speaker import settings
    from hushd_protocol.system import paths

    where = paths.find()
    if settings(where.config).remember:
        whole = text.source if isinstance(text.source, str) else text.source.decode(errors="replace")
        Recent(where).add("say", whole, (options.engine, options.model, options.voice), options.markup or "text")


def _warn(options: Namespace, speech: Speech) -> None:
    """Prints which options had no effect, once for all typed lines."""
    for warning in speech.warnings:
        if warning not in options.warned:
            options.warned.append(warning)
            console.complain(warning.message)


def _speech(client: Client, options: Namespace, text: Script, form: str) -> Speech:
    voice_options = synthesize_options(options)
    return client.synthesize(
        text.source,
        format=form,
        engine=options.engine,
        model=options.model,
        keep_alive=options.keep_alive,
        priority=options.priority,
        keep=False,
        **voice_options,
    )


@contextmanager
def _shown(options: Namespace, text: Script, speech: Speech) -> Iterator[Callable[[float], None] | None]:
    """Yields a callback that shows the position in the speech, if a person wants to see it."""
    if options.interactive:
        with _prompted(options.interactive, text, speech) as on_position:
            yield on_position
    elif options.progress:
        screen = console.StatusLine()
        try:
            yield lambda position: _measure(screen, text, speech, position)
        finally:
            screen.clear()
    else:
        yield None


@contextmanager
def _prompted(markup: str, text: Script, speech: Speech) -> Iterator[Callable[[float], None]]:
    from .prompter import Prompter, Style, style

    screen = console.StatusLine(1)
    prompter = Prompter(speech.timeline, style(markup) if os.isatty(1) else Style(), console.width())

    def on_position(position: float) -> None:
        prompter.columns = console.width()
        over, line = prompter.at(text.text, position)
        if over:
            screen.clear()
            console.write(over)
        screen.show(lambda _: line)

    heard_all = False
    try:
        yield on_position
        heard_all = True
    finally:
        screen.clear()
        console.write(prompter.rest(text.text, heard=heard_all))


def _measure(screen: console.StatusLine, text: Script, speech: Speech, position: float) -> None:
    from hushd_cli.terminal.progress import length_of, spoken

    known = speech.duration
    total = known or (length_of(speech.timeline, len(text.text)) if text.whole else 0.0)
    screen.show(lambda columns: spoken(position, total, not known, columns))

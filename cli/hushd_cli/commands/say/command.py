"""`say`: speaks text, or writes the sound to a file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError

from hushd_cli.terminal import console
from hushd_cli.terminal.progress import shown_client

from . import input
from .options import file_format, parse, synthesize_options

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.synthesis.speech import Speech

    from .input import Text


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.device == "?":
        from hushd.audio.playback import outputs

        from hushd_cli.listing import list_devices

        list_devices(outputs(), options.json)
    else:
        _do(options)
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
    text = input.of(options)
    with OutputFile(STANDARD_OUTPUT if options.output == "-" else options.output) as file:
        if file.is_terminal:
            raise HushdError(
                "bad_request", "A terminal cannot play sound: send it to a program, as in `say -o - … | aplay`."
            )
        speech = _speech(client, options, text, form)
        for data, offset in speech.pieces():
            file.write(data, offset)
        _warn(options, speech)


def _play(client: Client, options: Namespace) -> None:
    if not input.typed(options):
        _speak(client, options, input.of(options))
        return
    for line in filter(bytes.strip, input.lines()):
        try:
            _speak(client, options, b"".join(input.utf8([line], "The line")))
        except HushdError as error:
            if error.code not in ("bad_request", "input_unreadable"):
                raise
            console.complain(error.message)  # the error of one line; the next may succeed


def _speak(client: Client, options: Namespace, text: Text) -> None:
    speech = _speech(client, options, text, "s16le")
    from hushd.audio.playback import play  # while the worker works

    volume = 1.0 if options.volume is None else options.volume
    floor = client.floor("speaker", priority=options.priority, on_wait=console.note_wait, duck=options.duck)
    try:
        play(speech, speech.rate, speech.channels, options.device, floor, volume)
    finally:
        speech.close()
    _warn(options, speech)


def _warn(options: Namespace, speech: Speech) -> None:
    """Prints which options had no effect, once for all typed lines."""
    for warning in speech.warnings:
        if warning not in options.warned:
            options.warned.append(warning)
            console.complain(warning.message)


def _speech(client: Client, options: Namespace, text: Text, form: str) -> Speech:
    voice_options = synthesize_options(options)
    return client.synthesize(
        text,
        format=form,
        engine=options.engine,
        model=options.model,
        keep_alive=options.keep_alive,
        priority=options.priority,
        keep=False,
        **voice_options,
    )

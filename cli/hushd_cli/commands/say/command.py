"""`say`: speaks text, or writes the sound to a file: words, a file's text, or standard input, which may still grow."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence

from hushd_models import preferences
from hushd_protocol.names import USUAL_VOICE
from hushd_protocol.system import paths
from hushd_schema.operations.synthesize import MARKUPS

from hushd_cli.offers import mention_language, mention_slow_voice
from hushd_cli.terminal import console
from hushd_cli.terminal.shown_client import shown_client

from .options import parse
from .text import text_of


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.device == "?":
        from hushd_cli.listing import list_outputs  # noqa: PLC0415 - for a list

        list_outputs(options.json)
    elif options.print:
        _print(options)
    else:
        _do(options)
    return 0


def _print(options: Namespace) -> None:
    from hushd.synthesis.reading import read  # noqa: PLC0415 - a room that `--print` alone needs

    markup = options.markup or MARKUPS[0]
    for words in read(text_of(options), language=options.language, markup=markup, complain=console.complain):
        console.write(f"{words}\n")


def _do(options: Namespace) -> None:
    if options.output is None and options.voice != "?":
        from hushd.audio import devices  # noqa: PLC0415 - not for a file

        console.silence_libraries()
        devices.load_ahead()
    named = options.voice or options.language or options.engine or options.model or os.environ.get(USUAL_VOICE)
    blank = options.text and not "".join(options.text).strip()
    named = named or preferences.unserved_language(paths.find().config, "tts")  # whose voice speaks first
    # The client is imported while the device is looked for.
    with shown_client(options.input_file or "-", role="" if named or blank else "tts") as client:
        from . import speaking  # noqa: PLC0415 - imports the client

        if options.voice == "?":
            from hushd_cli.listing import list_voices  # noqa: PLC0415 - likewise

            list_voices(client, options)
        elif options.output is None:
            speaking.play(client, options)
        else:
            speaking.write(client, options)
    if options.voice is None and options.language is None:
        mention_language()
    if client.passed_over:
        mention_slow_voice(*client.passed_over)

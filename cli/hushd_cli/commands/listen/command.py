"""`listen`: transcribes files, standard input, or the microphone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_models import preferences
from hushd_protocol.names import AUTO
from hushd_protocol.system import paths

from hushd_cli.offers import mention_language
from hushd_cli.terminal import console
from hushd_cli.terminal.shown_client import shown_client

from .options import parse, voiceprints
from .output import Output

if TYPE_CHECKING:
    from hushd.client import Client

    from .files import Ended


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.device == "?":
        from hushd_cli.listing import list_inputs  # noqa: PLC0415 - for a list

        list_inputs(options.json)
        return 0
    if options.note:
        console.complain(options.note)
    return run(options)


def run(options: Namespace, ended: Ended | None = None) -> int:
    """Transcribes what the options name, which `parse` has checked; returns the exit code. `ended` is told of each
    file, as `Files` says."""
    options.script = None
    if options.align:
        from .script import Script  # noqa: PLC0415 - for `--align`

        options.script = Script(options.align, options)
    output = Output(options, options.files)
    named = options.language or options.engine or options.model or options.script
    role = "" if named or preferences.unserved_language(paths.find().config) else "stt"
    with shown_client(*options.files, role=role) as client:
        from . import files, microphone, written  # noqa: PLC0415 - import the client

        if options.written:
            written.Written(options)  # says at once if it is not here
        if options.script:
            options.script.choose(client, options)
        choose_model(client, options, "medium" if options.files else "fast", options.task == "translate")
        options.people = voiceprints(client, options)
        if not options.files:
            status = microphone.transcribe(client, options, output)
            mention_language()
            return status
        heard = files.Files(client, options, output, ended)
        heard.run()
        if not heard.status:
            mention_language()
        return heard.status or heard.doubted


def choose_model(client: Client, options: Namespace, speed: str, translate: bool) -> None:
    """Chooses engine and model once for all requests, if the options name `auto` or a bare model name."""
    if options.model == AUTO:
        choice = client.choose_model(options.language, speed=speed, engine=options.engine, translate=translate)
        options.engine, options.model = choice.engine, choice.model
        console.note(choice.why)
    elif options.model and not options.engine:
        options.engine, options.model = client.find_model(options.model)

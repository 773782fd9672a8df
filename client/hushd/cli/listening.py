"""`listen`: writes down what is said in files, on standard input, or into the microphone."""

from __future__ import annotations

from collections.abc import Sequence

from hushd.client import Client

from .listening_options import parse
from .output import Output
from .recordings import Recordings


def main(prog: str, argv: Sequence[str]) -> int:
    options = parse(prog, argv)
    if options.device == "?":
        from hushd.microphone import inputs

        from .listing import list_devices

        list_devices(inputs())
        return 0
    output = Output(options, options.files)
    with Client(holder="cli") as client:
        if not options.files:
            from .dictation import hear

            hear(client, options, output)
            return 0
        recordings = Recordings(client, prog, options, output)
        recordings.hear()
        return recordings.status

"""`hushd watch DIR`: transcribes each recording that is put into a folder, once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

from hushd_cli.arguments import Parser, WideFormatter, value
from hushd_cli.commands.listen import options as listen
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import best_effort
from msgspec import Meta

from .folder import FOLDER_LOOK_S, Folder, silent_file_system
from .recordings import Ledger
from .watch import Watch


def main(prog: str, argv: Sequence[str]) -> int:
    options = listen.parse(prog, argv, make_parser(prog))
    (root, *others), to = options.files, options.output_dir or ""
    if others or not os.path.isdir(root):
        raise HushdError("input_unreadable", f"There is no folder {others or root!r}: name one to watch.")
    with os_errors_as("output_failed", f"The folder {to!r} cannot be made"):
        os.makedirs(to or root, exist_ok=True)
    if not os.access(to or root, os.W_OK | os.X_OK):
        raise HushdError("output_failed", f"{to or root!r} cannot be written: name another folder by --to.")
    best_effort.report_to(console.complain)
    if options.note:
        console.complain(options.note)
    if not options.poll and (kind := silent_file_system(root)):
        options.poll = FOLDER_LOOK_S
        console.complain(f"{root!r} ({kind}) hides some changes: it is looked at every {FOLDER_LOOK_S:.0f} s.")
    options.resume = True  # a long recording, where an earlier process was killed in the middle
    record = Ledger(root, to or root)
    with os_errors_as("input_unreadable", f"{root!r} cannot be watched", "end another watcher, or give --poll"):
        folder = Folder(root, options.poll)
    console.note(f"Watching {root}, transcripts in {to or root}: Ctrl-C ends.")
    return Watch(options, folder, to, record).run()


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Transcribe each recording that is put into DIR, once, as soon as it is whole.")
    parser.usage = "%(prog)s [OPTION…] DIR"
    parser.examples = (
        ("hushd watch ~/Recordings", "NAME.txt beside each recording"),
        ("hushd watch in -f srt --diarize --to out", "subtitles, with who speaks, in another folder"),
        ("hushd service install --watch ~/Recordings -f srt", "from each login on"),
    )
    parser.formatter_class = WideFormatter
    parser.add_argument("files", nargs=1, metavar="DIR", help="the folder of recordings, with those in it")
    parser.add_argument("--to", dest="output_dir", metavar="DIR", help="the transcripts' folder; default: beside each")
    help = f"look every so often, where changes send no events; default on a network and on macOS: {FOLDER_LOOK_S:.0f}"
    parser.add_argument("--poll", type=value(Annotated[float, Meta(ge=1, le=86_400)]), metavar="SECONDS", help=help)
    listen.add_recording(parser)
    return parser

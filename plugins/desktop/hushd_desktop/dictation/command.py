"""`hushd dictate`: types speech at the cursor."""

from __future__ import annotations

import signal
from argparse import SUPPRESS, Namespace
from collections.abc import Sequence

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import TRANSCRIBE

from hushd_desktop.dictation.keys import parse
from hushd_desktop.only_one import OnlyOne

from .install import install, uninstall
from .outputs import words
from .waiting import dictate, wait_for_key

OUTPUTS = ("auto", "type", "paste", "clipboard", "print")
_EPILOG = "`hushd dictate`, bound to a key in the desktop's settings, begins, and given again it ends."


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse(argv, "words")
    _check(options)
    if options.install or options.uninstall:
        if options.install:
            install(options.key, [word for word in argv if word != "--install"])
        else:
            uninstall()
        return 0
    lock = OnlyOne("dictate")
    if not lock.taken:
        if options.key:
            raise HushdError("bad_request", "Another `hushd dictate` waits for its key already: end it first.")
        lock.signal(signal.SIGUSR2 if options.stop else signal.SIGUSR1)
        return 0
    if options.stop:
        return 0  # no dictation is running
    console.silence_libraries()

    return wait_for_key(options) if options.key else dictate(options)


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Type your speech into the focused window, until Ctrl-C or while a key is held.")
    parser.epilog = _EPILOG
    when = parser.add_argument_group("when")
    when.add_argument("--key", type=parse, metavar="KEY", help="dictate while this key is held: F9, Super+d")
    when.add_argument("--toggle", action="store_true", help="one press of the key begins, the next ends")
    when.add_argument("--stop", action="store_true", help="end the dictation of another `hushd dictate`")
    when.add_argument("--install", action="store_true", help="wait for the key in every desktop session")
    when.add_argument("--uninstall", action="store_true", help="stop doing so")
    where = parser.add_argument_group("where the text goes")
    where.add_argument(
        "--output",
        choices=OUTPUTS,
        default="auto",
        help="type while you speak; paste, clipboard or print at the end; default: type, or where that is impossible "
        "clipboard",
    )
    where.add_argument(
        "--paste", dest="output", action="store_const", const="paste", default=SUPPRESS, help="as --output paste"
    )
    where.add_argument(
        "--through", metavar="PROGRAM", help="it reads the text, and what it prints is written at the end"
    )
    where.add_argument(
        "--end", metavar="TEXT", help="the text after the last word; default: a space, where text is typed"
    )
    text = parser.add_argument_group("transcription")
    text.add_argument(
        "--names", metavar="FILE", help="words, replacements and commands; default: names.txt beside the configuration"
    )
    parser.add_fields(text, TRANSCRIBE, ["language"])
    text.add_argument(
        "-a", "--audio-device", dest="device", metavar="NAME", help="the microphone; `listen -a '?'` lists them"
    )
    parser.add_no_duck(text)
    parser.add_worker_options()
    parser.set_defaults(words=[])
    return parser


def _check(options: Namespace) -> None:
    if options.words:
        raise HushdError("bad_request", f"`hushd dictate` takes no {options.words[0]!r}.")
    if options.install and options.uninstall:
        raise HushdError("bad_request", "Give --install or --uninstall.")
    if (options.toggle or options.install) and not options.key:
        raise HushdError("bad_request", f"{'--toggle' if options.toggle else '--install'} needs a --key, such as F9.")
    if options.through:
        words(options.through)

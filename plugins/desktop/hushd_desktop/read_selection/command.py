"""`hushd read-selection`: reads the selected text aloud; run again, it stops."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence

from hushd_cli.arguments import Parser
from hushd_cli.commands.say import command as say
from hushd_cli.commands.say.options import parse as check_say
from hushd_cli.terminal import console

from hushd_desktop.dictation.keys import parse
from hushd_desktop.only_one import OnlyOne

_NAME = "read-selection"


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse(argv, "say")
    check_say(prog, [*options.say, "--", "text"])
    if options.key:
        return _wait_for_key(options)
    reading = OnlyOne(_NAME)
    if not reading.taken:
        reading.signal(signal.SIGINT)
        return 0
    if options.stop:
        return 0  # no text is being read
    from .selection import selected

    return say.main(prog, [*options.say, "--", selected()])


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(prog, "Read the selected text of any window aloud; the same command, run again, stops the reading.")
    parser.epilog = "Bind it to a key in the desktop's settings, or give --key."
    parser.add_argument(
        "--key", type=parse, metavar="KEY", help="wait for this key, and read or stop at each press: F8, Super+r"
    )
    parser.add_argument("--stop", action="store_true", help="stop the reading, if there is one")
    parser.add_argument("say", nargs="*", metavar="OPTION", help="options of `say`, after --: -- -v emma -r 220")
    return parser


def _wait_for_key(options: Namespace) -> int:
    """Runs this command at each press, so that no memory is held in between."""
    from hushd_desktop.dictation.global_key import global_key

    command = [sys.executable, "-P", "-m", "hushd", _NAME, "--", *options.say]
    running: list[subprocess.Popen[bytes]] = []

    def press() -> None:
        running[:] = [process for process in running if process.poll() is None]
        running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))

    key = global_key(options.key, press, lambda: None)
    console.note(f"Waiting for {options.key}: Ctrl-C ends.")
    try:
        key.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
            process.wait()
    return 0

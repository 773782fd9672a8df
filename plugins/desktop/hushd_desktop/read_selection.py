"""`hushd read-selection`: reads the selected text of any window aloud; run again, it stops.

The text is the primary selection of X11 or Wayland, as a program of the desktop prints it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence

from hushd_cli.arguments import Parser
from hushd_cli.commands.say import command as say
from hushd_cli.commands.say.options import parse as check_say
from hushd_models import installation
from hushd_protocol.errors import HushdError

from hushd_desktop.only_one import OnlyOne

# Programs that print it, and the variable that each needs.
PROGRAMS = (
    (("wl-paste", "--primary", "--no-newline", "--type", "text"), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "primary", "-out"), "DISPLAY"),
    (("xsel", "--primary", "--output"), "DISPLAY"),
)
_UNREACHED = (b"open display", b"connect to a wayland")  # their errors if no desktop answers
SELECTION_TIMEOUT_S = 5.0  # seconds for the window with the selection, which may hang


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse(argv, "say")
    check_say(prog, [*options.say, "--", "text"])
    reading = OnlyOne("read-selection")
    if not reading.taken:
        reading.signal(signal.SIGINT)
        return 0
    if options.stop:
        return 0  # no text is being read
    return say.main(prog, [*options.say, "--", selected()])


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Read the selected text of any window aloud; the same command, run again, stops the reading.")
    parser.epilog = "Bind it to a key in the desktop's settings."
    parser.add_argument("--stop", action="store_true", help="stop the reading, if there is one")
    parser.add_argument("say", nargs="*", metavar="OPTION", help="options of `say`, after --: -- -v emma -r 220")
    return parser


def selected() -> str:
    """Returns the selected text. Raises `no_device` without a desktop or a program for it; `input_unreadable` if no
    text is selected, or its window does not answer."""
    command, variable = _command()
    try:
        printed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SELECTION_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise HushdError("input_unreadable", "The window with the selected text does not answer.") from error
    text = printed.stdout.decode(errors="replace").strip()
    if not text and any(sign in printed.stderr.lower() for sign in _UNREACHED):
        raise HushdError("no_device", f"No desktop answers at {variable}={os.environ[variable]}: is it the right one?")
    if not text:
        raise HushdError("input_unreadable", "No text is selected: select some, and try again.")
    return text


def _command() -> tuple[tuple[str, ...], str]:
    """Returns the program, and the variable with the desktop's address."""
    displays = [variable for variable in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(variable)]
    if not displays:
        raise HushdError(
            "no_device", "There is no desktop to read the selection from: neither WAYLAND_DISPLAY nor DISPLAY is set."
        )
    for command, variable in PROGRAMS:
        if variable in displays and shutil.which(command[0]):
            return command, variable
    remedy = installation.PROGRAMS["wl-paste" if "WAYLAND_DISPLAY" in displays else "xclip"].remedy()
    raise HushdError("no_device", f"No program here reads selected text: {remedy}.")

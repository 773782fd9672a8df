"""The text that is selected in some window: X11's and Wayland's primary selection, or else as AT-SPI tells it."""

from __future__ import annotations

import os
import shutil

from hushd_protocol.errors import HushdError
from hushd_schema import outside

from hushd_desktop import program

from . import accessible

# Programs that print it, and the variable without which they are of no use.
PROGRAMS = (
    (("wl-paste", "--primary", "--no-newline", "--type", "text"), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "primary", "-out"), "DISPLAY"),
    (("xsel", "--primary", "--output"), "DISPLAY"),
)
_UNREACHED = ("open display", "connect to a wayland")  # what they say where no desktop answers
ANSWER_S = 5.0  # for the window that has it, which may hang


def selected() -> str:
    """Returns the selected text.

    Raises:
        HushdError: `no_device` without a desktop or a program for it; `input_unreadable` where nothing is selected,
            or the window that has it does not answer, or has more than a megabyte.
    """
    try:
        return _primary()
    except HushdError:
        if text := accessible.selected():
            return text
        raise


def _primary() -> str:
    """Returns the primary selection; raises as `selected`."""
    command, variable = _command()
    try:
        with open(os.memfd_create("errors"), "w+b") as errors:  # in memory: no full disk keeps it from being read
            data, _ = program.run(command, ANSWER_S, stderr=errors.fileno())
            errors.seek(0)
            complaint = errors.read(4096).decode(errors="replace").lower()
    except TimeoutError as error:
        raise HushdError("input_unreadable", "The window that has the selected text does not answer.") from error
    except OverflowError as error:
        raise HushdError("input_unreadable", "More than a megabyte of text is selected: mark less.") from error
    text = data.decode(errors="replace").strip()
    if not text and any(sign in complaint for sign in _UNREACHED):
        raise HushdError("no_device", f"No desktop answers at {variable}={os.environ[variable]}: is it the right one?")
    if not text:
        raise HushdError("input_unreadable", "No text is selected: mark some, and try again.")
    return text


def _command() -> tuple[tuple[str, ...], str]:
    """Returns the program, and the variable that leads it to the desktop."""
    displays = [variable for variable in ("WAYLAND_DISPLAY", "DISPLAY") if os.environ.get(variable)]
    if not displays:
        raise HushdError(
            "no_device", "There is no desktop with selected text: neither WAYLAND_DISPLAY nor DISPLAY is set."
        )
    for command, variable in PROGRAMS:
        if variable in displays and shutil.which(command[0]):
            return command, variable
    remedy = outside.PROGRAMS["wl-paste" if "WAYLAND_DISPLAY" in displays else "xclip"].remedy()
    raise HushdError("no_device", f"No program here reads selected text: {remedy}.")

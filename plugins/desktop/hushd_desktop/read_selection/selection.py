"""Finds the selected text of any window: the primary selection of X11 or Wayland, or else through AT-SPI."""

from __future__ import annotations

import os
import shutil

from hushd_models import installation
from hushd_protocol.errors import HushdError

from hushd_desktop import program

from . import accessible

# Programs that print it, and the variable that each needs.
PROGRAMS = (
    (("wl-paste", "--primary", "--no-newline", "--type", "text"), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "primary", "-out"), "DISPLAY"),
    (("xsel", "--primary", "--output"), "DISPLAY"),
)
_UNREACHED = ("open display", "connect to a wayland")  # their errors if no desktop answers
ANSWER_S = 5.0  # for the window with the selection, which may hang


def selected() -> str:
    """Returns the selected text.

    Raises:
        HushdError: `no_device` without a desktop or a program for it; `input_unreadable` if no text is selected, more
            than a megabyte is, or its window does not answer.
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
        with open(os.memfd_create("errors"), "w+b") as errors:  # in memory, so that a full disk does not matter
            data, _ = program.run(command, ANSWER_S, stderr=errors.fileno())
            errors.seek(0)
            complaint = errors.read(4096).decode(errors="replace").lower()
    except TimeoutError as error:
        raise HushdError("input_unreadable", "The window with the selected text does not answer.") from error
    except OverflowError as error:
        raise HushdError("input_unreadable", "More than a megabyte of text is selected: select less.") from error
    text = data.decode(errors="replace").strip()
    if not text and any(sign in complaint for sign in _UNREACHED):
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

"""The outputs of dictated text: the cursor, the clipboard, standard output; and a program that changes it before."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from hushd_models import installation
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import paths

from .composition import Edit

CLIPBOARDS = (  # commands that set the clipboard, and the variable that each needs
    (("wl-copy",), "WAYLAND_DISPLAY"),
    (("xclip", "-selection", "clipboard"), "DISPLAY"),
    (("xsel", "--clipboard", "--input"), "DISPLAY"),
    (("pbcopy",), ""),
)
# Commands that print the clipboard, and what each of these programs adds for the primary selection.
_READ = {
    "wl-copy": ["wl-paste", "--no-newline", "--type", "text"],
    "xclip": ["xclip", "-selection", "clipboard", "-out"],
    "xsel": ["xsel", "--clipboard", "--output"],
}
_PRIMARY = {"clipboard": "primary", "--clipboard": "--primary"}
FETCHED_S = 0.5  # seconds from the chord until a window has the text: then the clipboard is what it was
CHANGED_S = 15.0  # seconds for a program that changes the text
RUN_S = 60.0  # seconds for a program that gets or types the text
SETTLE_MS = 50  # milliseconds from a virtual keyboard's creation to its first key
TOKEN = "dictate-token"  # the file in the state folder


class Typist(Protocol):
    """Types into the window that has the focus."""

    def type(self, text: str) -> None:
        """Types `text`; a line break is the key Return."""

    def delete(self, count: int) -> None:
        """Deletes so many characters before the cursor."""

    def paste(self) -> None:
        """Presses Shift+Insert: windows paste the clipboard, terminals the primary selection."""

    def close(self) -> None:
        """Closes the output."""


class Output(Protocol):
    """An output of text; one that is `live` gets it by `edit` during the speech, another by `finish` alone."""

    live: bool

    def edit(self, edit: Edit) -> None:
        """Changes the text at the cursor."""

    def finish(self, text: str) -> None:
        """Outputs the whole text of a dictation that was not shown live."""

    def close(self) -> None:
        """Closes the output."""


class Typing:
    """Types text at the cursor, during the speech."""

    live = True

    def __init__(self, typist: Typist) -> None:
        self._typist = typist

    def edit(self, edit: Edit) -> None:
        if edit.back:
            self._typist.delete(edit.back)
        if edit.text:
            self._typist.type(edit.text)

    def finish(self, text: str) -> None:
        self._typist.type(text)

    def close(self) -> None:
        self._typist.close()


class _AtOnce:
    """An output that gets a dictation as a whole."""

    live = False

    def edit(self, edit: Edit) -> None:
        pass

    def close(self) -> None:
        pass


class Clipboard(_AtOnce):
    """Puts the text on the clipboard. Raises `no_device` without a desktop or a clipboard program."""

    def __init__(self) -> None:
        self._command = _clipboard()

    def finish(self, text: str) -> None:
        _run(self._command, text)


class Pasting(_AtOnce):
    """Pastes the text, whatever its length, and puts the clipboard's text back. Raises as `Clipboard`."""

    def __init__(self, typist: Typist) -> None:
        self._typist = typist
        clipboard = _clipboard()
        if clipboard[0] not in _READ:
            raise HushdError("no_device", "Here hushd puts text on the clipboard alone: use --output clipboard.")
        self._places = [(clipboard, _READ[clipboard[0]])]  # commands that set and print each selection
        self._places.append((_primary(clipboard), _primary(_READ[clipboard[0]])))

    def finish(self, text: str) -> None:
        before = [_printed(reads, "", FETCHED_S) for _, reads in self._places]
        for sets, _ in self._places:
            _run(sets, text)
        self._typist.paste()
        time.sleep(FETCHED_S)
        for (sets, _), content in zip(self._places, before, strict=True):
            if content:
                _run(sets, content)

    def close(self) -> None:
        self._typist.close()


class Through(_AtOnce):
    """Has a program change the text, which it reads and prints, on its way to another output.
    `complain`: called with a sentence where the program fails: the text then goes on as it was heard."""

    def __init__(self, command: str, output: Output, complain: Callable[[str], None]) -> None:
        self._command = words(command)
        self._output = output
        self._complain = complain

    def finish(self, text: str) -> None:
        body = text.rstrip()
        changed = (_printed(self._command, body, CHANGED_S) or "").strip()
        if not changed:
            self._complain(f"{self._command[0]} has failed, or printed nothing: the text is as it was heard.")
        self._output.finish((changed or body) + text[len(body) :])

    def close(self) -> None:
        self._output.close()


class Printing(_AtOnce):
    """Prints lines by `write`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def finish(self, text: str) -> None:
        self._write(f"{text}\n")


class Wtype:
    """Types by the program wtype, through the virtual keyboard of wlroots' compositors."""

    def type(self, text: str) -> None:
        self._run("--", text)

    def delete(self, count: int) -> None:
        self._run(*["-k", "BackSpace"] * count)

    def paste(self) -> None:
        self._run("-M", "shift", "-k", "Insert", "-m", "shift")

    def close(self) -> None:
        pass

    @staticmethod
    def _run(*arguments: str) -> None:
        # A window loses the first key of a new keyboard.
        _run(["wtype", "-s", str(SETTLE_MS), *arguments], "")


def typist() -> Typist:
    """Returns a typist for this desktop. Raises `no_device` with alternatives if there is none."""
    if os.environ.get("WAYLAND_DISPLAY"):
        return _on_wayland()
    if os.environ.get("DISPLAY"):
        from . import x11  # noqa: PLC0415 - needs python-xlib, which macOS lacks

        return x11.Typist()
    raise HushdError("no_device", "There is no desktop to type into: use --output print.")


def _on_wayland() -> Typist:
    from . import portal  # noqa: PLC0415 - needs jeepney

    try:
        return portal.Typist(paths.find().state / TOKEN)
    except HushdError as error:
        if error.code == "no_device" and shutil.which("wtype"):
            return Wtype()
        if error.code == "cancelled":
            raise
        raise HushdError(
            "no_device",
            f"{error.message} Without a portal typing needs wtype and a compositor of wlroots' "
            f"({installation.PROGRAMS['wtype'].remedy()}); "
            "--output clipboard needs neither.",
        ) from error


def _clipboard() -> list[str]:
    for command, variable in CLIPBOARDS:
        if (not variable or os.environ.get(variable)) and shutil.which(command[0]):
            return list(command)
    if sys.platform != "darwin" and not any(os.environ.get(variable) for _, variable in CLIPBOARDS if variable):
        raise HushdError("no_device", "There is no desktop with a clipboard: use --output print.")
    remedy = installation.PROGRAMS["wl-copy" if os.environ.get("WAYLAND_DISPLAY") else "xclip"].remedy()
    raise HushdError("no_device", f"The clipboard needs a program: {remedy}.")


def _primary(command: Sequence[str]) -> list[str]:
    """Returns the command for the primary selection instead of the clipboard."""
    changed = [_PRIMARY.get(word, word) for word in command]
    return changed if changed != [*command] else [*command, "--primary"]


def words(command: str) -> list[str]:
    """Returns the words of a command line. Raises `bad_request` for an open quotation mark or no such program."""
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise HushdError("bad_request", f"{command!r} is not a command line ({error}).") from error
    if not arguments or shutil.which(arguments[0]) is None:
        raise HushdError("bad_request", f"There is no program {(arguments or [command])[0]!r}.")
    return arguments


def _printed(command: Sequence[str], text: str, seconds: float) -> str | None:
    """Returns what a program prints that reads `text`; None if it fails."""
    try:
        done = subprocess.run(
            command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds
        )
        return None if done.returncode else done.stdout.decode()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def _run(command: Sequence[str], text: str) -> None:
    """Runs a program with `text` as its input; it may continue in the background."""
    try:
        done = subprocess.run(
            command, input=text, stdout=subprocess.DEVNULL, text=True, errors="replace", timeout=RUN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HushdError("output_failed", f"{command[0]} failed ({reason(error)}).") from error
    if done.returncode:
        raise HushdError("output_failed", f"{command[0]} failed with exit code {done.returncode}.")

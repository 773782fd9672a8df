"""A real X server without a screen, a window with a text field in it, and somebody who presses keys."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from support.outside import lacking
from support.peer import BOUND_S, wait_until

# The field's content is in a file after each change; newlines and all. It has the focus.
FIELD = """
import os, sys, tkinter
root = tkinter.Tk()
text = tkinter.Text(root, undo=False)
text.pack()
def save(*_):
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(text.get("1.0", "end-1c"))
    os.replace(sys.argv[1] + ".new", sys.argv[1])
    text.edit_modified(False)
text.bind("<<Modified>>", save)
text.focus_force()
root.update()
text.insert("1.0", "")
save()
root.mainloop()
"""


def missing() -> str:
    """Names the missing packages; empty when all is."""
    packages = [name for name in ("Xlib", "tkinter", "jeepney") if find_spec(name) is None]
    return ", ".join([*packages, *filter(None, [lacking("Xvfb")])])


class Desktop:
    """An X server with a text field; `display` is its name. A context manager."""

    def __init__(self, folder: Path) -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
            pass_fds=(write,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with open(read) as answer:
            self.display = f":{answer.readline().strip()}"
        self._content = folder / "field"
        self._field: subprocess.Popen[bytes] | None = None
        self.keys: Any = None

    def __enter__(self) -> Desktop:
        from Xlib import display

        self.keys = display.Display(self.display)
        self._field = subprocess.Popen(
            [sys.executable, "-c", FIELD, str(self._content)], env=os.environ | {"DISPLAY": self.display}
        )
        wait_until(self._content.exists, "the text field")
        return self

    def __exit__(self, *_: object) -> None:
        self.keys.close()
        for process in (self._field, self._server):
            assert process
            process.terminate()
            process.wait(BOUND_S)

    @property
    def text(self) -> str:
        return self._content.read_text()

    def waits_for(self, name: str) -> bool:
        """Returns whether a program waits for a key, which does not repeat from then on."""
        from Xlib import XK

        code = self.keys.keysym_to_keycode(XK.string_to_keysym(name))
        return not self.keys.get_keyboard_control().auto_repeats[code // 8] & 1 << code % 8

    def press(self, *names: str) -> None:
        """Presses keys, by X11's names, and keeps them down."""
        self._send(2, names)

    def release(self, *names: str) -> None:
        self._send(3, names)

    def _send(self, event: int, names: tuple[str, ...]) -> None:
        from Xlib import XK
        from Xlib.ext import xtest

        for name in names:
            xtest.fake_input(self.keys, event, self.keys.keysym_to_keycode(XK.string_to_keysym(name)))
        self.keys.sync()

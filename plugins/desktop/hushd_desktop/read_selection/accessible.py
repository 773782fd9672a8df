"""Finds selected text through the interface for assistive programs (AT-SPI, over D-Bus).

It needs no helper program, and reaches windows that hide their selection from other programs: most on Wayland. Only
visible objects are searched, active windows first, for at most `LOOK_S`: a browser's page has thousands of objects.
Interfaces and numbers: https://gitlab.gnome.org/GNOME/at-spi2-core, folder `xml` and `atspi/atspi-constants.h`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hushd_desktop.program import MAX_OUTPUT

if TYPE_CHECKING:
    from jeepney.io.blocking import DBusConnection

LOOK_S = 2.0
_ANSWER_S = 0.5  # for one program, which may hang
_MAX_DEPTH = 200  # of nested objects: a faulty program may have an object within itself
_ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
_OBJECT, _TEXT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Text"
_ACTIVE, _SHOWING = 1 << 1, 1 << 25  # states
_EMBEDDED = "\ufffc"  # a placeholder in a text for the object's next child

Object = tuple[str, str]  # a program's bus name, and an object's path


def selected() -> str:
    """Returns the selected text; empty without a selection, an accessible program or the extra `dictate`."""
    try:
        from jeepney import DBusErrorResponse
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:
        return ""
    try:
        with open_dbus_connection("SESSION") as session, open_dbus_connection(_address(session)) as bus:
            return _Windows(bus).selected()
    except (OSError, EOFError, KeyError, ValueError, DBusErrorResponse):  # there is no such bus, or it has ended
        return ""


def _address(session: DBusConnection) -> str:
    """Returns the address of the bus for assistive programs; never starts it, since a new one would have no
    programs."""
    from jeepney import DBusAddress, MessageFlag, new_method_call
    from jeepney.wrappers import unwrap_msg

    question = new_method_call(DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress")
    question.header.flags |= MessageFlag.no_auto_start
    (address,) = unwrap_msg(session.send_and_get_reply(question, timeout=_ANSWER_S))
    return str(address)


class _Windows:
    """The windows of all accessible programs."""

    def __init__(self, bus: DBusConnection) -> None:
        self._bus = bus
        self._until = time.monotonic() + LOOK_S
        self._silent: set[str] = set()  # programs that did not answer
        self._met: set[Object] = set()

    def selected(self) -> str:
        """Returns the selected text of the first window that has one."""
        windows = [window for program in self._children(_ROOT) for window in self._children(program)]
        states = {window: self._states(window) for window in windows}
        for window in sorted(windows, key=lambda each: not states[each] & _ACTIVE):
            if states[window] & _SHOWING and (text := "\n".join(self._texts(window)).strip()):
                return text[:MAX_OUTPUT]
        return ""

    def _texts(self, parent: Object, depth: int = 0) -> Iterator[str]:
        """Yields the selected texts in an object and its children, in order."""
        if parent in self._met or depth > _MAX_DEPTH:
            return
        self._met.add(parent)
        children = self._children(parent)
        inserted: set[Object] = set()
        for begin, end in self._selections(parent):
            text = self._text(parent, begin, end)
            if _EMBEDDED in text:
                first = self._text(parent, 0, begin).count(_EMBEDDED)
                embedded = children[first : first + text.count(_EMBEDDED)]
                inserted |= {*embedded}
                text = _filled(text, (" ".join(self._texts(child, depth + 1)) for child in embedded))
            yield text
        for child in children:
            if child not in inserted and self._states(child) & _SHOWING:
                yield from self._texts(child, depth + 1)

    def _selections(self, of: Object) -> list[tuple[int, int]]:
        (count,) = self._call(of, _TEXT, "GetNSelections") or (0,)
        ranges = [self._call(of, _TEXT, "GetSelection", "i", number) for number in range(count)]
        return [(begin, end) for begin, end in filter(None, ranges) if begin < end]

    def _text(self, of: Object, begin: int, end: int) -> str:
        (text,) = self._call(of, _TEXT, "GetText", "ii", begin, end) or ("",)
        return str(text)

    def _children(self, of: Object) -> list[Object]:
        (children,) = self._call(of, _OBJECT, "GetChildren") or ([],)
        return [(name, path) for name, path in children]

    def _states(self, of: Object) -> int:
        (words,) = self._call(of, _OBJECT, "GetState") or ([0],)
        return int(words[0])  # the second word has the bits from 32 on

    def _call(self, of: Object, interface: str, method: str, signature: str = "", *arguments: Any) -> Any:
        """Returns the answer, or None: objects may have gone, and most have no text."""
        from jeepney import DBusAddress, DBusErrorResponse, new_method_call
        from jeepney.wrappers import unwrap_msg

        name, path = of
        seconds = min(_ANSWER_S, self._until - time.monotonic())
        if name in self._silent or seconds <= 0:
            return None
        question = new_method_call(DBusAddress(path, name, interface), method, signature, arguments)
        try:
            return unwrap_msg(self._bus.send_and_get_reply(question, timeout=seconds))
        except DBusErrorResponse:
            return None
        except TimeoutError:
            self._silent.add(name)
            return None


def _filled(text: str, embedded: Iterator[str]) -> str:
    """Returns the text with the embedded texts in place: paragraphs follow each other, links are within a text."""
    lines = re.sub(f"{_EMBEDDED}(?={_EMBEDDED})", f"{_EMBEDDED}\n", text)
    return re.sub(_EMBEDDED, lambda _: next(embedded, ""), lines)

"""macOS: a global key by an event tap, and typing by events, through ctypes.

Untested: written from Quartz Event Services' reference. The program that runs it (a terminal, or the Python of the
agent) must be allowed under Privacy & Security: Accessibility, and Input Monitoring.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_bool, c_double, c_int64, c_long, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

from hushd_protocol.errors import HushdError

from .keys import Key

_FRAMEWORK = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"
_SESSION, _HEAD, _DEFAULT = 1, 0, 0  # a tap of this session, before other taps, that may drop events
_DOWN, _UP, _DISABLED = 10, 11, 0xFFFFFFFE
_KEYCODE = 9  # the field of an event with its key
_MODIFIERS = {"Shift": 1 << 17, "Ctrl": 1 << 18, "Alt": 1 << 19, "Super": 1 << 20}
_RETURN, _TAB, _BACKSPACE, _V = 36, 48, 51, 9
_CODES = {  # key codes of an American keyboard
    **dict(zip("asdfhgzxcv", range(10), strict=True)), "b": 11, **dict(zip("qweryt", range(12, 18), strict=True)),
    "o": 31, "u": 32, "i": 34, "p": 35, "l": 37, "j": 38, "k": 40, "n": 45, "m": 46, "space": 49, "Escape": 53,
    "F1": 122, "F2": 120, "F3": 99, "F4": 118, "F5": 96, "F6": 97, "F7": 98, "F8": 100, "F9": 101, "F10": 109,
    "F11": 103, "F12": 111, "F13": 105, "F14": 107, "F15": 113, "F16": 106, "F17": 64, "F18": 79, "F19": 80,
}  # fmt: skip
_OnEvent = CFUNCTYPE(c_void_p, c_void_p, c_uint32, c_void_p, c_void_p)
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # the result type first
    "CGEventTapCreate": (c_void_p, c_uint32, c_uint32, c_uint32, c_uint64, _OnEvent, c_void_p),
    "CGEventTapEnable": (None, c_void_p, c_bool),
    "CGEventGetIntegerValueField": (c_int64, c_void_p, c_uint32),
    "CGEventGetFlags": (c_uint64, c_void_p),
    "CGEventSetFlags": (None, c_void_p, c_uint64),
    "CGEventCreateKeyboardEvent": (c_void_p, c_void_p, c_uint16, c_bool),
    "CGEventKeyboardSetUnicodeString": (None, c_void_p, c_long, c_void_p),
    "CGEventPost": (None, c_uint32, c_void_p),
    "CFMachPortCreateRunLoopSource": (c_void_p, c_void_p, c_void_p, c_long),
    "CFRunLoopGetCurrent": (c_void_p,),
    "CFRunLoopAddSource": (None, c_void_p, c_void_p, c_void_p),
    "CFRunLoopRunInMode": (c_uint32, c_void_p, c_double, c_bool),
    "CFRelease": (None, c_void_p),
}


@cache
def _library() -> Any:
    library = ctypes.CDLL(_FRAMEWORK)
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class GlobalKey:
    """One key of the keyboard, whatever window has the focus.

    Args:
        key: the key to watch.
        on_press, on_release: called on the thread of `wait`.

    Raises:
        HushdError: `bad_request` for an unknown key, `no_device` if macOS does not allow it.
    """

    def __init__(self, key: Key, on_press: Callable[[], None], on_release: Callable[[], None]) -> None:
        if key.name not in _CODES:
            raise HushdError("bad_request", f"The key {key.name!r} is not known here: choose another one, such as F13.")
        self._called = {_DOWN: on_press, _UP: on_release}
        self._code = _CODES[key.name]
        self._flags = sum(_MODIFIERS[modifier] for modifier in key.modifiers)
        self._held = False
        self._ended = False
        self._callback = _OnEvent(self._take)
        mask = 1 << _DOWN | 1 << _UP
        self._tap = _library().CGEventTapCreate(_SESSION, _HEAD, _DEFAULT, mask, self._callback, None)
        if not self._tap:
            raise HushdError(
                "no_device", "macOS does not allow it: System Settings, Privacy & Security, Accessibility."
            )

    def wait(self) -> None:
        """Calls back until `stop`."""
        library = _library()
        mode = c_void_p.in_dll(library, "kCFRunLoopDefaultMode")
        source = library.CFMachPortCreateRunLoopSource(None, self._tap, 0)
        library.CFRunLoopAddSource(library.CFRunLoopGetCurrent(), source, mode)
        while not self._ended:
            library.CFRunLoopRunInMode(mode, 0.5, False)

    def stop(self) -> None:
        """Ends `wait`. Safe in a signal handler."""
        self._ended = True

    def _take(self, _: Any, kind: int, event: Any, __: Any) -> Any:
        library = _library()
        if kind == _DISABLED:  # macOS disabled a slow tap
            library.CGEventTapEnable(self._tap, True)
            return event
        if library.CGEventGetIntegerValueField(event, _KEYCODE) != self._code:
            return event
        flags_match = library.CGEventGetFlags(event) & sum(_MODIFIERS.values()) == self._flags
        if kind == _DOWN and not flags_match and not self._held:
            return event
        if self._held != (kind == _DOWN):  # ignores repetitions
            self._held = kind == _DOWN
            self._called[kind]()
        return None  # hidden from all windows


class Typist:
    """Types into the window that has the focus."""

    def type(self, text: str) -> None:
        """Types `text`."""
        for character in text:
            code = {"\n": _RETURN, "\t": _TAB, "\b": _BACKSPACE}.get(character)
            self._press(code or 0, "" if code else character)

    def delete(self, count: int) -> None:
        """Deletes so many characters before the cursor."""
        self.type("\b" * count)

    def paste(self) -> None:
        """Types Command+V."""
        self._press(_V, "", _MODIFIERS["Super"])

    def close(self) -> None:
        """Ends the typist."""

    @staticmethod
    def _press(code: int, text: str, flags: int = 0) -> None:
        library = _library()
        for down in (True, False):
            event = library.CGEventCreateKeyboardEvent(None, code, down)
            library.CGEventSetFlags(event, flags)
            if text:
                units = text.encode("utf-16-le")
                library.CGEventKeyboardSetUnicodeString(event, len(units) // 2, units)
            library.CGEventPost(_SESSION, event)
            library.CFRelease(event)

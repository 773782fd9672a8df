"""X11: a global key by a grab, and typing by XTest, through python-xlib."""

from __future__ import annotations

import itertools
import select
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hushd_protocol.errors import HushdError, reason
from Xlib import XK, X, display, error
from Xlib.ext import xinput, xtest

from .keys import Key, keysym

END_LOOK_INTERVAL_S = 0.5  # seconds between two looks whether to stop
KEYBOARD_DELAY_S = 0.03  # seconds for programs to read a changed keyboard
_RAW = struct.Struct("=HII")  # device, time and key code: the first fields of XIRawEvent after its header
_MASKS = {"Ctrl": "ControlMask", "Alt": "Mod1Mask", "Shift": "ShiftMask", "Super": "Mod4Mask"}
_MODIFIERS = (
    "Control_L", "Control_R", "Alt_L", "Alt_R", "Shift_L", "Shift_R", "Super_L", "Super_R", "Meta_L",
    "ISO_Level3_Shift",
)  # fmt: skip


def _display() -> Any:
    try:
        return display.Display()
    except (error.DisplayError, OSError) as failure:
        why = reason(failure)
        raise HushdError("no_device", f"There is no X server that can be used ({why}): set DISPLAY.") from failure


class GlobalKey:
    """One key of the keyboard, whatever window has the focus. Raises `bad_request` for a key that the keyboard lacks,
    or that another program has grabbed.
    `on_press` and `on_release`: called on the thread of `wait`, once each even if the key repeats."""

    def __init__(self, key: Key, on_press: Callable[[], None], on_release: Callable[[], None]) -> None:
        self._display = _display()
        self._on_press, self._on_release = on_press, on_release
        self._root = self._display.screen().root
        self._code = self._display.keysym_to_keycode(XK.string_to_keysym(key.name))
        if not self._code:
            raise HushdError("bad_request", f"The keyboard has no key {key.name!r}: choose another one, such as F9.")
        # The grab would keep all keys from other windows while the key is held, also typed ones. So the keyboard is
        # released at once (a repetition would grab it again), and the key's release is read from raw events.
        self._root.xinput_select_events([(xinput.AllMasterDevices, xinput.RawKeyReleaseMask)])
        self._grab(key)
        self._display.change_keyboard_control(key=self._code, auto_repeat_mode=X.AutoRepeatModeOff)
        self._display.sync()
        self._ended = False

    def wait(self) -> None:
        """Calls back until `stop`. Raises `no_device` if the X server has gone."""
        held = False
        while not self._ended:
            for event in self._events():
                if event.type == X.KeyPress and not held:
                    held = True
                    self._display.ungrab_keyboard(X.CurrentTime)
                    self._display.flush()
                    self._on_press()
                elif held and self._is_release(event):
                    held = False
                    self._on_release()
        self._display.change_keyboard_control(key=self._code, auto_repeat_mode=X.AutoRepeatModeDefault)
        self._display.close()

    def stop(self) -> None:
        """Ends `wait`. Safe in a signal handler."""
        self._ended = True

    def _grab(self, key: Key) -> None:
        mask = sum(getattr(X, _MASKS[modifier]) for modifier in key.modifiers)
        taken = error.CatchError(error.BadAccess)
        for locks in (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask):  # Caps Lock and Num Lock may be on or off
            self._root.grab_key(self._code, mask | locks, False, X.GrabModeAsync, X.GrabModeAsync, onerror=taken)
        self._display.sync()
        if taken.get_error():
            raise HushdError("bad_request", f"Another program has the key {key}: choose another one.")

    def _events(self) -> Iterator[Any]:
        try:
            select.select([self._display], [], [], END_LOOK_INTERVAL_S)
            while self._display.pending_events():
                yield self._display.next_event()
        except (error.ConnectionClosedError, OSError) as failure:
            raise HushdError("no_device", "The X server has gone.") from failure

    def _is_release(self, event: Any) -> bool:
        """Returns whether the event is the key's release: of the grab while that lasts, then a raw one."""
        if event.type == X.KeyRelease:
            return bool(event.detail == self._code)
        if event.type != self._display.extension_event.GenericEvent:
            return False
        _device, _time, code = _RAW.unpack_from(event.data)  # python-xlib does not parse it
        return bool(code == self._code)


class Typist:
    """Types into the window that has the focus.

    Characters that the keyboard lacks are put on free keys while they are typed. Raises `no_device` if there is no X
    server, or it lacks XTest.
    """

    def __init__(self) -> None:
        self._display = _display()
        if not self._display.query_extension("XTEST"):
            raise HushdError("no_device", "The X server has no XTest: use --output clipboard.")
        self._lock = threading.Lock()
        self._free = self._free_keys()
        self._held: Sequence[int] = ()  # keys held down before typing, a bit each
        self._borrowed: dict[int, int] = {}  # key codes by keysym, the least recently used first

    def type(self, text: str) -> None:
        with self._lock, self._modifiers_up():
            for character in text:
                self._press(*self._key_of(keysym(character)))

    def delete(self, count: int) -> None:
        self.type("\b" * count)

    def paste(self) -> None:
        with self._lock, self._modifiers_up():
            self._press(self._display.keysym_to_keycode(XK.XK_Insert), shifted=True)

    def close(self) -> None:
        """Frees the borrowed keys."""
        with self._lock:
            time.sleep(KEYBOARD_DELAY_S)  # lets programs read the typed text before its keys mean nothing
            for code in self._borrowed.values():
                self._map(code, 0)
            self._display.sync()
            self._display.close()

    def _press(self, code: int, shifted: bool) -> None:
        shift = self._display.keysym_to_keycode(XK.XK_Shift_L)
        if shifted:
            self._send(shift, down=True)
        self._send(code, down=True)
        self._send(code, down=False)
        if shifted:
            self._send(shift, down=False)

    def _send(self, code: int, down: bool) -> None:
        xtest.fake_input(self._display, X.KeyPress if down else X.KeyRelease, code)

    def _key_of(self, sought: int) -> tuple[int, bool]:
        """Returns a key that types a keysym and is not held down, and whether it needs Shift."""
        for code, level in self._display.keysym_to_keycodes(sought):
            if level in (0, 1) and code not in self._free and not self._held[code // 8] & 1 << code % 8:
                return code, level == 1
        return self._borrow(sought), False

    def _borrow(self, sought: int) -> int:
        if sought in self._borrowed:
            self._borrowed[sought] = self._borrowed.pop(sought)
            return self._borrowed[sought]
        unused = [code for code in self._free if code not in self._borrowed.values()]
        if not unused:
            oldest = next(iter(self._borrowed), None)
            if oldest is None:
                raise HushdError(
                    "no_device", "The keyboard has no free key for other characters: use --output clipboard."
                )
            unused = [self._borrowed.pop(oldest)]
        self._display.sync()
        time.sleep(KEYBOARD_DELAY_S)  # lets programs read the typed text before the key changes
        self._map(unused[0], sought)
        self._display.sync()
        time.sleep(KEYBOARD_DELAY_S)
        self._borrowed[sought] = unused[0]
        return unused[0]

    def _map(self, code: int, meaning: int) -> None:
        self._display.change_keyboard_mapping(code, [[meaning, meaning]])

    def _free_keys(self) -> list[int]:
        """Returns the unused keys, the last ones first."""
        info = self._display.display.info
        low, high = info.min_keycode, info.max_keycode
        mapping = self._display.get_keyboard_mapping(low, high - low + 1)
        return [code for code, keysyms in zip(itertools.count(low), mapping, strict=False) if not any(keysyms)][::-1]

    @contextmanager
    def _modifiers_up(self) -> Iterator[None]:
        """Releases held modifiers, such as those of a push-to-talk key: Ctrl with `c` is not `c`.

        Leaves the block when the server has typed everything.
        """
        try:
            self._held = self._display.query_keymap()
            for name in _MODIFIERS:
                for code, _ in self._display.keysym_to_keycodes(XK.string_to_keysym(name)):
                    if self._held[code // 8] & 1 << code % 8:
                        self._send(code, down=False)
            yield
            self._display.sync()
        except (error.ConnectionClosedError, OSError) as failure:
            raise HushdError("no_device", "The X server has gone.") from failure

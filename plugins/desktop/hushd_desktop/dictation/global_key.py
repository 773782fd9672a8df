"""A key that the desktop reports to this program, whichever window has the focus."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from hushd_desktop.dictation.keys import Key


class GlobalKey(Protocol):
    """A watched key."""

    def wait(self) -> None:
        """Calls back until `stop`.

        Raises:
            HushdError: if the desktop has gone.
        """

    def stop(self) -> None:
        """Ends `wait`."""


def global_key(key: Key, press: Callable[[], None], release: Callable[[], None]) -> GlobalKey:
    """Returns the watch of a key by this desktop's means: a Wayland portal, or X11.

    Raises:
        HushdError: `no_device`, or `bad_request` for a key that is not available.
    """
    if os.environ.get("WAYLAND_DISPLAY"):
        from hushd_desktop.dictation import portal

        return portal.GlobalKey(key, press, release)
    from hushd_desktop.dictation import x11

    return x11.GlobalKey(key, press, release)

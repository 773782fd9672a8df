"""The program's side of ducking: starts a helper, and releases it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from hushd.audio import devices
from hushd_protocol.system import paths
from hushd_schema.settings import load

from .helper import ORDERLY

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_HELPERS_KILLED = 3  # helpers in a row that may be killed


class Ducking:
    """Makes other programs quieter between `begin` and `end`, or in a `with` block.

    By how much is the setting `duck`. On macOS and without a sound server it does nothing. Raises `bad_request` for an
    error in the configuration.
    """

    def __init__(self) -> None:
        self._decibels = decibels()
        self._lock = threading.Lock()
        self._pipe: int | None = None  # pipe to the helper, while there is one

    def __enter__(self) -> Ducking:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def hold(self, held: bool) -> None:
        """Calls `begin` or `end`."""
        (self.begin if held else self.end)()

    def begin(self) -> None:
        """Begins, quickly. Safe on any thread, and to call twice."""
        with self._lock:
            if self._pipe is not None or not self._decibels:
                return
            end, self._pipe = os.pipe()
        threading.Thread(target=self._keep, args=(end,), name="hushd-ducking", daemon=True).start()

    def end(self) -> None:
        """Ends, as quickly; the volumes are restored unless other programs still keep them down."""
        with self._lock:
            if self._pipe is not None:
                with suppress(BrokenPipeError):
                    os.write(self._pipe, ORDERLY)
                os.close(self._pipe)
                self._pipe = None

    def _keep(self, end: int) -> None:
        """Starts a helper; if it is killed or fails, the next one, which restores its changes."""
        try:
            for _ in range(_MAX_HELPERS_KILLED):
                if _start(end, self._decibels).wait() == 0:
                    return
        except OSError:
            pass  # no more processes can be started
        finally:
            os.close(end)


def decibels() -> float:
    """Returns the setting `duck`; 0 if other programs cannot be made quieter here. Raises `bad_request` for an error in
    the configuration."""
    if sys.platform != "linux":
        return 0.0

    return load(paths.find().config).duck


def ducking() -> Callable[[bool], None]:
    """Returns the function that a client calls when its floor is held, and when it no longer is; as `Ducking`."""
    return Ducking().hold


def _start(standard_input: int, amount: float) -> subprocess.Popen[bytes]:
    devices.lead_to_sound_server()
    # The helper has a session of its own, so that neither Ctrl-C nor a kill of the program's group reaches it.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "hushd_desktop.ducking.helper", str(amount)],
        stdin=standard_input,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )

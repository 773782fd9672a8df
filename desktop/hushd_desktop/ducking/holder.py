"""The side of the program that speaks or listens: it starts a helper, and lets go of it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hushd.audio import devices
from hushd_protocol.system import paths

from .helper import ORDERLY, Locks
from .ledger import PLAYERS, VOLUMES, Ledger

if TYPE_CHECKING:
    from types import TracebackType

RECOVER_S = 20.0  # for a helper to bring everything back
_STARTS = 3  # helpers, of which each was killed


class Ducking:
    """Has other programs be quieter between `begin` and `end`, or in a `with` block.

    It goes by the setting `duck`. Where nothing can be done, as on macOS or without a sound server, nothing is.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """

    def __init__(self) -> None:
        self._decibels = decibels()
        self._lock = threading.Lock()
        self._pipe: int | None = None  # to the helper, while it is wanted

    def __enter__(self) -> Ducking:
        self.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end()

    def hold(self, held: bool) -> None:
        """Calls `begin` or `end`."""
        (self.begin if held else self.end)()

    def begin(self) -> None:
        """Quick, on any thread; safe to call twice."""
        with self._lock:
            if self._pipe is not None or not self._decibels:
                return
            end, self._pipe = os.pipe()
        threading.Thread(target=self._keep, args=(end,), name="hushd-ducking", daemon=True).start()

    def end(self) -> None:
        """Likewise; others are as loud as before once nobody else has them quiet."""
        with self._lock:
            if self._pipe is not None:
                with suppress(BrokenPipeError):
                    os.write(self._pipe, ORDERLY)
                os.close(self._pipe)
                self._pipe = None

    def _keep(self, end: int) -> None:
        """Starts a helper, and, when one is killed or fails, the next, which brings back what that has changed."""
        try:
            for _ in range(_STARTS):
                if _start(end, self._decibels).wait() == 0:
                    return
        except OSError:
            pass  # there is no room for one more process
        finally:
            os.close(end)


def decibels() -> float:
    """The setting `duck`; 0 where no other program can be made quieter.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    if sys.platform != "linux":
        return 0.0
    from hushd_schema.settings import load

    return load(paths.find().config).duck


def leftovers(folder: Path) -> bool:
    """Returns whether something is to be brought back, by a helper that runs or was killed."""
    return (folder / PLAYERS).exists() or any(Ledger.read(path).streams for path in folder.glob(VOLUMES))


def recover() -> bool:
    """Brings back what a killed helper has left, unless another one is at work; returns whether nothing is left."""
    folder = paths.find().runtime
    with closing(Locks(folder)) as locks:
        if not locks.try_to_lead():
            return False
    with suppress(subprocess.TimeoutExpired, OSError):
        _start(subprocess.DEVNULL, 0.0).wait(RECOVER_S)
    return not leftovers(folder)


def _start(standard_input: int, amount: float) -> subprocess.Popen[bytes]:
    devices.lead_to_sound_server()
    # In a session of its own: neither Ctrl-C nor a kill of the program's group is meant for it.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "hushd_desktop.ducking.helper", str(amount)],
        stdin=standard_input,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )

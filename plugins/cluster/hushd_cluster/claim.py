"""A driver's claim to the folder of its transcripts: two drivers by mistake, and one says so and leaves.

On the driver's own disk it is a lock of the kernel's, which ends with its process. Below a URL it is a file that the
driver writes again every few seconds; one that has not changed for a while is a dead driver's, and is taken over.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hushd_protocol.errors import HushdError

from .recording import OWN, shown
from .store import Store

NAME = f"{OWN}/driver.json"
BEAT_S = 4.0  # between two writes
SILENT_S = 15.0  # without a change, after which a driver counts as dead
LOOK_S = 1.0
SETTLE_S = 2.0  # in which another who takes over a dead driver's claim can be seen


@contextmanager
def of_folder(folder: str) -> Iterator[None]:
    """Holds a folder of this machine, which must exist.

    Raises:
        HushdError: `bad_request` while another driver holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HushdError(
                "bad_request", f"Another `hushd cluster transcribe` writes to {folder!r}: let it, or end it first."
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


class Claim:
    """A claim to a store's folder.

    Args:
        wait: called with seconds to wait.

    Attributes:
        lost: the refusal, once another driver has taken it; None before.
    """

    def __init__(self, store: Store, wait: Callable[[float], object] = time.sleep) -> None:
        self._store = store
        self._wait = wait
        self._beats = 0
        self._key = os.urandom(8).hex()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost: HushdError | None = None

    def take(self, note: Callable[[str], None] = lambda _: None) -> None:
        """Takes the claim.

        Args:
            note: called with a sentence if a silent driver is waited for.

        Raises:
            HushdError: `bad_request` while another driver holds it.
        """
        if not self._store.create(NAME, self._content()):
            self._outlast(note)
            self._store.replace(NAME, self._content())
            self._wait(SETTLE_S)
            self.check()

    def hold(self) -> None:
        """Has a thread renew it from now on, until `release`."""
        self._thread = threading.Thread(target=self._renew, name="hushd-claim", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises `bad_request` if another driver has taken it."""
        if (now := self._store.read(NAME)) and _field(now, "key") != self._key:
            raise self._refusal(now)

    def beat(self) -> None:
        """Renews it; raises as `check` does."""
        self.check()
        self._beats += 1
        self._store.replace(NAME, self._content())

    def release(self) -> None:
        """Gives it up, unless another driver has taken it."""
        self._over.set()
        if self._thread:
            self._thread.join()
        with suppress(HushdError):
            if (now := self._store.read(NAME)) and _field(now, "key") == self._key:
                self._store.remove(NAME)

    def _outlast(self, note: Callable[[str], None]) -> None:
        """Waits until a driver has been silent for long enough; returns at once if its claim has gone."""
        before = self._store.read(NAME)
        if before is not None:
            note(f"A driver of {_field(before, 'host')} was here: it has {SILENT_S:g} s to show that it lives.")
        for _ in range(round(SILENT_S / LOOK_S)):
            if before is None:
                return
            self._wait(LOOK_S)
            now = self._store.read(NAME)
            if now is not None and now != before:
                raise self._refusal(now)
            before = now

    def _renew(self) -> None:
        while not self._over.wait(BEAT_S):
            try:
                self.beat()
            except HushdError as error:
                if error.code == "bad_request":
                    self.lost = error
                    return
                # A store that does not answer: whoever takes the claim meanwhile is seen when it does.

    def _content(self) -> bytes:
        claim = {"host": socket.gethostname(), "process": os.getpid(), "key": self._key, "beats": self._beats}
        return json.dumps(claim).encode() + b"\n"

    def _refusal(self, now: bytes) -> HushdError:
        return HushdError(
            "bad_request",
            f"Another `hushd cluster transcribe` writes to {shown(self._store.url)}, process {_field(now, 'process')} "
            f"of {_field(now, 'host')}: let it, or end it first.",
        )


@contextmanager
def of_store(store: Store, note: Callable[[str], None]) -> Iterator[Claim]:
    """Holds a store's folder; raises as `Claim.take` does."""
    claim = Claim(store)
    claim.take(note)
    claim.hold()
    try:
        yield claim
    finally:
        claim.release()


def _field(content: bytes, name: str) -> object:
    try:
        return json.loads(content)[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "?"

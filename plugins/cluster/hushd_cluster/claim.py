"""One run at a time over a folder of transcripts: a second one would do all of its work once more.

A folder of this machine has a lock, which ends with its process. One that is named by a URL has a file in which a run
writes a new word every few seconds; a second run looks at it for as long as three take, whatever clocks say.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hushd.transport.waiting import join, wait_until_set
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.system import atomic_file

from . import store
from .recording import is_url, shown

NAME = ".hushd-run"  # hidden, so that no recording's transcript has it
BEAT_S = 5.0  # seconds between two words
_BEATS = 3  # words that are missing where a run has ended without saying so


@contextmanager
def claimed(place: str, beat_s: float = BEAT_S) -> Iterator[None]:
    """Has the folder at `place`, a path or a URL, for a run. Raises `server_busy` while another run has it; as
    `store.faults` says."""
    with _marked(place, beat_s) if is_url(place) else _locked(place):
        yield


@contextmanager
def _locked(place: str) -> Iterator[None]:
    path = Path(place, NAME)
    with ExitStack() as stack, os_errors_as("output_failed", f"{str(path)!r} cannot be written"):
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            # The file is empty in a file system without locks.
            if not atomic_file.lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB) and (
                who := os.pread(descriptor, 200, 0)
            ):
                raise _busy(place, who.decode(errors="replace"))
            if os.fstat(descriptor).st_nlink:  # a removed file's run has ended meanwhile
                break
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _who().encode(), 0)
        held = stack.pop_all()
    with held:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # the file is locked now


@contextmanager
def _marked(place: str, beat_s: float) -> Iterator[None]:
    target = store.opened(place)
    if seen := target.read(NAME):
        who = seen.decode(errors="replace").partition("\n")[0]
        console.complain(
            f"A run of {who} was at work in {shown(place)}: {_BEATS * beat_s:.0f} s are waited for a sign."
        )
        never = threading.Event()
        for _ in range(_BEATS):
            wait_until_set(never, beat_s)
            if (now := target.read(NAME)) != seen and now:
                raise _busy(place, who)
    ended = threading.Event()

    def beat() -> None:
        with suppress(HushdError):  # the store is busy: the next word may come through
            target.write(NAME, f"{_who()}\n{secrets.token_hex(8)}".encode())

    def go_on() -> None:
        while not ended.wait(beat_s):
            beat()

    beat()
    beating = threading.Thread(target=go_on, name="hushd-claim", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        join(beating, beat_s)
        with suppress(HushdError):
            target.remove(NAME)


def _who() -> str:
    return f"process {os.getpid()} at {socket.gethostname()}"


def _busy(place: str, who: str) -> HushdError:
    return HushdError(
        "server_busy", f"Another run writes to {shown(place)}, {who}: wait for its end, and run this again to continue."
    )

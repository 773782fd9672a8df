"""Requests that are refused because another program has most of the memory, while nothing is short."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_supervisor.system.memory.cgroup import Cgroup

from ..stage import SENTENCE, Row, recording, supervisor

SHARES = (0.60, 0.85)
REQUESTS = 50  # at each share, speaking and hearing in turn
PAUSE_S = (
    1.0  # between two, in which the worker of the last one leaves: each start registers the kernel's triggers anew
)
LEAST = 2_000_000_000  # bytes that stay available to all others, or the other program ends
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24
HOLDER = """
import sys, time, psutil
size, least = map(int, sys.argv[1:])
held = []
for _ in range(size >> 24):
    held.append(bytearray(b"x") * (1 << 24))
    if psutil.virtual_memory().available < least: sys.exit("too little is left")
print("ready", flush=True)
while psutil.virtual_memory().available >= least: time.sleep(0.2)
sys.exit("too little is left")
"""


STUTTER_LIMIT = 40_000_000  # bytes of its group
# Reads on in a file of three times what its group may hold, for 10 ms twice a second: waits for page cache, as some
# program on most machines does now and then, and far less than the 150 ms of 2 s that count.
STUTTER = """
import mmap, os, sys, time
group, path, size = sys.argv[1], sys.argv[2], 3 * int(sys.argv[3])
open(group, "w").write(str(os.getpid()))
with open(path, "wb") as file:
    for _ in range(size >> 20): file.write(os.urandom(1 << 20))
print("ready", flush=True)
with open(path, "rb") as file:
    view, place = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), 0
    while True:
        end = time.monotonic() + 0.01
        while time.monotonic() < end: place = (place + 4096) % len(view); view[place]
        time.sleep(0.5)
"""


def taken(options: Namespace) -> Iterator[Row]:
    """Cold requests refused of 100, with 60 and 85 % of memory taken by another program."""
    # As root, triggers would be the kernel's exact ones, which nobody else gets.
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
    for share in SHARES:
        with supervisor("[worker]\nkeep_alive = 0\n"), _others(share) as holder, _stutter():
            made, refused, sentence = _requests(options.minutes)
            gone = holder.poll() is not None
        case = f"{share:.0%} taken: refused of 100"
        note = "too little memory was left: nothing measured" if gone else f"{refused} of {made} {sentence}".strip()
        yield Row(
            case,
            None if gone or not made else 100 * refused / made,
            "",
            "0",
            ok=None if gone else not refused,
            note=note,
        )


def _requests(minutes: float | None) -> tuple[int, int, str]:
    """The requests made and refused, and what the last refusal said."""
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    made, refused, sentence = 0, 0, ""
    with Client() as client:
        while made < REQUESTS and time.monotonic() < end:
            made += 1
            try:
                if made % 2:
                    list(client.synthesize(SENTENCE))
                else:
                    client.transcribe(recording("beckett.wav"))
            except HushdError as error:
                if error.code != "server_busy":
                    raise
                refused, sentence = refused + 1, error.message
            time.sleep(PAUSE_S)
    return made, refused, sentence


@contextmanager
def _others(share: float) -> Iterator[subprocess.Popen[str]]:
    """Another program, which takes as much memory as brings all that is taken to `share`."""
    memory = psutil.virtual_memory()
    size = max(0, int(memory.available - (1 - share) * memory.total))
    command = [sys.executable, "-c", HOLDER, str(size), str(LEAST)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process
        finally:
            process.kill()


@contextmanager
def _stutter() -> Iterator[None]:
    """A program that waits for memory now and then under a limit of its own, where we may make it a group."""
    own = Cgroup.own()
    group = own.folders[0] / f"hushd-bench-{os.getpid()}" if own.folders else Path("/nonexistent")
    limit = group / ("memory.max" if own.version == 2 else "memory.limit_in_bytes")
    try:
        group.mkdir()
        limit.write_text(str(STUTTER_LIMIT))
    except OSError:  # not root, or a group whose memory is not handed on
        if group.exists():
            group.rmdir()
        yield
        return
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, "-c", STUTTER, str(group / "cgroup.procs"), file.name, str(STUTTER_LIMIT)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout
                process.stdout.readline()
                yield
            finally:
                process.kill()
    group.rmdir()

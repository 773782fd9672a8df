"""Tests of the memory that the supervisor keeps for itself, in a process whose address space is nearly used up."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import json, mmap, resource
from hushd_supervisor.system.reserve import RESERVE, ROOM, Reserve

log, blocks, seen = [], [], []
reserve = Reserve(lambda level, text: log.append(text))

def leave(free):
    "Has the process be able to take so many bytes, and hardly more."
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * mmap.PAGESIZE + free, resource.RLIM_INFINITY))

def look():
    reserve.hold()
    seen.append((reserve.makes_room(), reserve.spent))

for free in (RESERVE + 2 * ROOM, 2 * ROOM, ROOM // 2, ROOM // 2, RESERVE + 2 * ROOM):
    leave(free)
    look()
print(json.dumps([seen, log]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space of a process")
def test_the_reserve_makes_room_for_decisions_and_is_taken_again() -> None:
    """It is given up where little is left, and said once; where even that is too little there is no room."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    seen, log = json.loads(done.stdout)
    assert seen == [[True, False], [True, False], [True, True], [False, True], [True, False]]
    assert log == ["no memory is left for the supervisor itself"]

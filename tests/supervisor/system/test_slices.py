"""Tests of short slices of time: this process asks for them, its children do not keep them."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest
from hushd_supervisor.system import slices

GET = {"x86_64": 315, "aarch64": 275}  # sched_getattr
ASK = """
import os, sys
from hushd_supervisor.system import slices
from hushd_supervisor.system.process import Limits
slices.shorten()
child = Limits().launch([sys.executable, "-c", "input()"], {}, stdout=1, stderr=2, inherited=())
print(child.pid, flush=True)
sys.stdin.read()
"""


def slice_of(pid: int) -> float:
    """The seconds of a slice of a process's first thread."""
    data = ctypes.create_string_buffer(slices._ATTRIBUTES.size)
    number = GET.get(os.uname().machine, 0)
    if not number or ctypes.CDLL(None).syscall(number, pid, data, len(data), 0):
        pytest.skip("the system does not say")
    return float(slices._ATTRIBUTES.unpack(data.raw)[5] / 1e9)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux gives slices")
def test_slices_are_short_here_and_usual_in_children() -> None:
    """The child runs with what this process has, and not with what the one that started it has asked for."""
    program = ASK.replace('"input()"', '"import time; time.sleep(60)"')
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as asking:
        child = int(asking.stdout.readline())  # type: ignore[union-attr]
        short, usual = slice_of(asking.pid), slice_of(child)
        os.kill(child, 9)
        asking.communicate()
    if not short:
        pytest.skip("before Linux 6.12")
    assert short == slices.SLICE_S
    assert usual == slice_of(os.getpid())


@pytest.mark.skipif(sys.platform != "linux", reason="Linux gives slices")
def test_a_process_that_has_ended_is_no_error() -> None:
    """A child may be gone at once."""
    slices.restore(2**22 + 1)

"""A process is killed with its descendants, wherever they have gone, and with nobody else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.system import process_tree
from hushd_protocol.system.process_tree import kill_tree
from support.descriptors import open_descriptors
from support.peer import is_gone, wait_until

# A child with two generations of descendants, of which the last has a session of its own; each writes its pid.
FAMILY = """
import os, signal, sys
for _ in range(2):
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
    if os.fork():
        break
else:
    os.setsid()
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
signal.pause()
"""


@pytest.mark.parametrize("lists", [True, False])
def test_descendants_die_with_a_process_and_strangers_do_not(
    lists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the kernel's lists, and where it has none; no descriptor is left of those by which the victims were sure."""
    if not lists:
        monkeypatch.setattr(process_tree, "lists_children", lambda: False)
    elif not process_tree.lists_children():
        pytest.skip("this kernel lists no children")
    (names := tmp_path / "pids").touch()
    with (
        subprocess.Popen([sys.executable, "-c", FAMILY, names]) as child,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger,
    ):
        wait_until(lambda: names.read_text().count("\n") == 3, "a family")
        family = [int(name) for name in names.read_text().split()]
        assert family[0] == child.pid
        before = open_descriptors()
        kill_tree(child.pid)
        assert open_descriptors() <= before
        try:
            wait_until(lambda: all(map(is_gone, family)), "their ends")
        finally:
            child.kill()
        assert (child.wait(), stranger.poll()) == (-signal.SIGKILL, None)


def test_a_process_that_has_ended_is_no_error() -> None:
    """It waits to be reaped, and has left nobody."""
    with subprocess.Popen(["true"]) as child:
        wait_until(lambda: is_gone(child.pid), "its end")
        kill_tree(child.pid)
    assert child.returncode == 0

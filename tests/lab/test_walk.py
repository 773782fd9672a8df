"""`scripts/bench walk`: the hook by which each process notes the functions of hushd's that it calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benches import walk
from hushd_protocol import suggest

PROGRAM = """
import os, threading
from hushd_protocol.suggest import did_you_mean
for _ in range(2):
    thread = threading.Thread(target=did_you_mean, args=("sya", ["say"]))
    thread.start()
    thread.join()
os._exit(0)
"""


def test_a_function_is_noted_with_its_caller(tmp_path: Path) -> None:
    """The hook notes hushd's functions alone, no class, once a calling file, on every thread, at once."""
    environment = os.environ | {"HUSHD_WALK": str(tmp_path), "PYTHONPATH": str(Path(walk.__file__).parent)}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=60)
    (notes,) = tmp_path.iterdir()
    command, *lines = notes.read_text().removeprefix(f"{sys.executable} -c {PROGRAM}").splitlines()
    file = str(Path(suggest.__file__).relative_to(Path(walk.__file__).parents[3]))
    meant, nearest = (function.__code__.co_firstlineno for function in (suggest.did_you_mean, suggest.nearest))
    assert (command, lines) == ("", [f"{file}\t{meant}\t", f"{file}\t{nearest}\t{file}"])

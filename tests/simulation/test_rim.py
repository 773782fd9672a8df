"""The clients' socket keeps its books whatever programs do, and whenever libzmq's thread does it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.seeds import SHARE

SEEDS = 100
CHUNKS = 4


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_left_of_clients_that_have_gone(chunk: int) -> None:
    """Every message is heard once and in order, and every client that was heard of is gone in the end."""
    count = max(1, round(SEEDS * SHARE / CHUNKS))
    command = [sys.executable, "-m", "simulation.rim", str(chunk * count), str(chunk * count + count)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    played = subprocess.run(command, capture_output=True, text=True, timeout=170, env=environment, check=False)
    assert played.returncode == 0, played.stderr[-3000:]

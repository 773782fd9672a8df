"""A real holder of the memory treaty, the example beside its module, among the neighbours."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_neighbours import kinds
from hushd_neighbours.holding import Failed, Holding
from hushd_neighbours.server import Server

EXAMPLE = Path(__file__).parents[2] / "treaty/example_holder.py"
SIZE = 8_000_000
TREATY = kinds.KINDS["treaty"]


@pytest.fixture
def pid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The process of a holder with two models of 8 MB, which are there."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, str(EXAMPLE), str(SIZE // 1_000_000), "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and not _look():
            time.sleep(0.01)
        yield process.pid
        process.terminate()


def _server() -> Server:
    return Server("", "", time.monotonic() + 20)


def _look() -> dict[str, Holding]:
    return {holding.model: holding for holding in TREATY.look(_server())}


def test_a_holder_gives_a_model_of_its_own(pid: int) -> None:
    """Each is listed with its size and its rest, and a given one no longer."""
    first, second = f"example-{pid}/model-0", f"example-{pid}/model-1"
    holdings = _look()
    assert [*holdings] == [first, second]
    assert (holdings[first].ram, holdings[first].in_use, holdings[first].reload_s) == (SIZE, False, 0.1)
    assert holdings[first].idle_s is not None
    kinds.give(_server(), TREATY, holdings[first])
    end = time.monotonic() + 20
    while time.monotonic() < end and first in _look():
        time.sleep(0.01)
    assert [*_look()] == [second]
    with pytest.raises(Failed, match="holds"):
        kinds.give(_server(), TREATY, holdings[first])

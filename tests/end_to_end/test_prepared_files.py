"""The files that make later starts of hibari quicker, made beside the first speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hushd import Client
from support.peer import Supervisor, wait_until

NICE_S = 120.0  # for a child of nice 10 on a busy machine; less than its own limit
Start = Callable[..., Supervisor]


def running(client: Client) -> list[int]:
    return [row.pid for row in client.status().workers if row.pid]


@pytest.mark.timeout(1200)
def test_they_are_made_also_where_no_worker_stays(
    start_supervisor: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `keep_alive = 0` the worker is gone before any is whole, and each cold start would begin them anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    start_supervisor("[worker]\nkeep_alive = 0\n")
    folder = tmp_path / "cache" / "hushd"
    with Client() as client:
        assert client.synthesize("Yes.").array().size
        wait_until(lambda: not running(client), "the worker's end")
        for kind in ("sqlite", "ort"):
            wait_until(lambda kind=kind: list(folder.glob(f"*.{kind}")), f"a file of the kind {kind}", NICE_S)
        assert not running(client)
    assert not list(folder.glob(".*"))

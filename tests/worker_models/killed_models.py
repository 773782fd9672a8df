"""Pulls in processes of their own, killed at random moments: the remains must not be a model, or a
whole one, and the next try must succeed.

`python killed_models.py MODEL` is such a process.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hushd_models import inventory
from hushd_models.store import Store
from hushd_protocol import messages as m
from hushd_protocol.system import paths
from hushd_worker.job import Job


def kill_at_random(model: str, times: int, seed: int, forget: Callable[[], None], check: Callable[[], None]) -> None:
    """Kills `times` pulls of a model at moments spread over its length.

    Args:
        forget: removes the model, so that there is something to do again.
        check: that it is whole and loads, when it should be there.

    Raises:
        AssertionError: something half-made was taken for a model, or the next try failed.
    """
    started = time.monotonic()
    assert _start(model).wait(60) == 0, "it does not even succeed undisturbed"
    undisturbed_s = time.monotonic() - started
    check()
    moments = random.Random(seed)
    for _ in range(times):
        forget()
        process = _start(model)
        try:
            process.wait(moments.uniform(0.0, undisturbed_s))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _check_nothing_half_made(model)
        assert _start(model).wait(60) == 0, "the next try has failed"
        check()


def _start(model: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, model], env=os.environ.copy())


def _check_nothing_half_made(model: str) -> None:
    """Checks that the files an engine would load are whole, by every known hash."""
    store = Store(paths.find())
    row = next((row for row in inventory.rows(store) if row.model == model), None)
    if row is None:
        return
    assert row.state != "broken", row
    if row.state == "installed" and row.manifest:
        for name, file in row.manifest.files.items():
            assert _sha256(store.location(row.manifest) / name) == file.sha256, row
    elif row.state == "installed":  # whole files, and the manifest is not yet there
        sizes = {name: (row.folder / name).stat().st_size for name in row.files} if row.folder else {}
        assert all(sizes.values()), row
        for name in row.files:
            path = (row.folder / name).resolve() if row.folder else Path(name)
            if len(path.name) == 64:  # a blob, which is named by its hash
                assert _sha256(path) == path.name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    from hushd_worker_models import web
    from hushd_worker_models.worker import Worker

    web.THIRD_TRY_DELAY_S = 0.001
    params = {"model": sys.argv[1]}
    Worker("store").run(Job(m.Job(id=b"1" * 16, op="pull", params=params, input="none"), lambda message: None))


if __name__ == "__main__":
    main()

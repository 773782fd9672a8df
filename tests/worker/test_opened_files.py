"""Every file that a confined worker opens by its path: the programs', models and its own, and none of the user's."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_models import hf_cache
from hushd_protocol import messages as m
from hushd_protocol.system import landlock, paths, seccomp
from hushd_worker import confinement
from support.opened_files import OPENED
from support.recordings import recording
from support.worker_peer import Peer

PROGRAM = Path(__file__).parents[1] / "support/opened_files.py"
ID = b"1" * 16


def own_places() -> dict[str, Path]:
    """All that a worker opens beside programs, the system and models, with what it is for."""
    here = paths.find()
    return {
        "measured loudness": here.loudness,
        "models": here.models,
        "the hub's models": hf_cache.cache(),
        "caches of hushd and of engines": paths.user_cache(),
        "temporary files": Path(os.environ["HUSHD_TEMPORARY"]),
    }


@pytest.mark.skipif(
    not (landlock.version() and seccomp.available()), reason="this kernel confines nothing: it needs Linux 5.13"
)
@pytest.mark.parametrize(("role", "engine", "model"), [("tts", "hibari", "en"), ("stt", "moonshine", "tiny-en")])
def test_a_worker_opens_no_file_of_the_users(
    start: Callable[..., Peer],
    tmp_path: Path,
    runtime: Path,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    engine: str,
    model: str,
) -> None:
    """It loads and does a job, while the user has a configuration and both lists, which say nothing to it."""
    monkeypatch.setenv("HUSHD_CONFIG", str(config := tmp_path / "hushd/config.toml"))
    monkeypatch.setenv("HUSHD_TEMPORARY", str(tmp_path / "hushd-worker-own"))
    config.parent.mkdir()
    for name in ("config.toml", "words.txt", "pronunciations.txt"):
        (config.parent / name).write_bytes(b"\xff")
    worker = start([sys.executable, "-P", str(PROGRAM), role, engine, model], passes_files=True)
    assert worker.ready().capabilities["confined"] is True
    if role == "tts":
        worker.send(m.Job(id=ID, op="synthesize", payload=b"Good morning, gnocchi.", credit=256))
    else:
        worker.pass_file(sound := recording())
        seen = sound.stat()
        worker.send(m.Job(id=ID, op="transcribe", input="path", path=str(sound), device=seen.st_dev, inode=seen.st_ino))
    assert "warnings" not in worker.until(m.Result)[0].data
    worker.send(m.Drain())
    worker.until(m.Bye)
    worker.send(m.Bye())
    worker.wait()
    opened = {line.removeprefix(OPENED) for line in worker.log.read_text().splitlines() if line.startswith(OPENED)}
    allowed = [
        *map(str, confinement.program()),
        "/dev",
        *map(str, own_places().values()),
    ]
    figures = re.compile(
        r"/proc/\d+(/(stat|statm|status|task|smaps_rollup|clear_refs).*)?"
    )  # its own, and of its children
    strange = [
        path
        for path in opened
        if not figures.fullmatch(path) and not any(Path(path).is_relative_to(place) for place in allowed)
    ]
    assert opened
    assert not strange
    assert not [path for path in opened if Path(path).is_relative_to(config.parent)]

"""Killed at any moment, a pull or an import leaves nothing that looks like a model, and the next try succeeds."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import shutil
from pathlib import Path

from hushd_models import hf_cache as hub_cache
from hushd_models.store import Store
from hushd_protocol.system import paths
from support.hub_server import HubServer
from support.killed_models import kill_at_random

KILLS = int(os.environ.get("HUSHD_KILLS", "3"))
CHECKPOINT = Path(__file__).parents[1] / "support" / "data" / "whisper-commands.pt.gz"


def test_a_pull_is_killed(hub: HubServer) -> None:
    """By SIGKILL, wherever it is; what had arrived is not asked for again."""
    weights = random.Random(1).randbytes(2_000_000)
    files = {"config.json": b"{}", "model.bin": weights, "tokenizer.json": b"[]", "vocabulary.txt": b"a\n"}
    hub.add("Systran/faster-whisper-base", {**files})
    hub.pace = 0.003
    store, model = Store(paths.find()), "faster-whisper/base"

    def check() -> None:
        found = store.find(model)
        assert found is not None
        for name in files:
            data = (store.location(found) / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == found.files[name].sha256
            assert data == files[name]

    def forget() -> None:
        shutil.rmtree(hub_cache.cache())
        store.manifest_path(model).unlink()

    kill_at_random(["pull", model], model, KILLS, seed=1, forget=forget, check=check)


def test_an_import_is_killed(hub: HubServer, tmp_path: Path) -> None:
    """The copy has its name once it is whole."""
    path = tmp_path / "mine.pt"
    path.write_bytes(gzip.decompress(CHECKPOINT.read_bytes()))
    store, model = Store(paths.find()), "whisper/own"

    def check() -> None:
        assert store.find(model) is not None
        assert (store.folder / "whisper" / "own.pt").read_bytes() == path.read_bytes()

    def forget() -> None:
        (store.folder / "whisper" / "own.pt").unlink()
        store.manifest_path(model).unlink()

    kill_at_random(["import", str(path), "own"], model, KILLS, seed=2, forget=forget, check=check)

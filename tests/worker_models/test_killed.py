"""Killed at any moment, a pull leaves nothing that looks like a model, and the next try succeeds."""

from __future__ import annotations

import hashlib
import os
import random
import shutil

from hushd_models import hf_cache as hub_cache
from hushd_models.store import Store
from hushd_protocol.system import paths
from support.hub_server import HubServer

from .killed_models import kill_at_random

KILLS = int(os.environ.get("HUSHD_KILLS", "3"))


def test_a_pull_is_killed(hub: HubServer) -> None:
    """SIGKILL comes wherever it is; what had arrived is not asked for again."""
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

    kill_at_random(model, KILLS, seed=1, forget=forget, check=check)

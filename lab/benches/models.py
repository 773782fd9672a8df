"""Pulling models over a bad line: the cost of dropped connections and of killed processes."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from hushd import Client
from hushd_models import hf_cache as hub_cache
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.system import paths

from .stage import BIN, Row, supervisor, timed

sys.path.append(str(Path(__file__).parent.parent.parent / "tests"))  # the server and the killing are the tests' too

from support.hub_server import Content, HubServer, serving
from support.killed_models import kill_at_random

SIZE = 1_040_000_000
DROP_EVERY = 50_000_000
KILLS = 50
REPOSITORY, MODEL = "Systran/faster-whisper-base", "faster-whisper/base"
_RIVAL = "import sys; from huggingface_hub import hf_hub_download as get; get(sys.argv[1], 'model.bin')"


def listed(_: Namespace) -> Iterator[Row]:
    """`hushd models list` of a machine with a hundred models, ten of them by hand, from exec to its last byte."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "HUSHD_RUNTIME_DIR": folder}
        store = Store(paths.find(environment))
        for number in range(100):
            place = store.folder / "onnx-asr" / f"mine-{number}"
            place.mkdir(parents=True)
            files = {}
            for name in ("model.onnx", "vocab.txt"):
                (place / name).write_bytes(b"weights")
                files[name] = File(7, hashlib.sha256(b"weights").hexdigest())
            if number >= 10:
                source = Source("url", "https://example.org")
                store.write(Manifest("onnx-asr", place.name, "stt", source, files, place.name))
        command = [str(BIN / "hushd"), "models", "list"]
        value = statistics.median(timed(command, env=environment) for _ in range(21))
        bare = [sys.executable, "-c", "import argparse, json"]
        floor = statistics.median(timed(bare, env=environment) for _ in range(21))
        note = "floor: Python with argparse and json; no supervisor, no network"
        yield Row("models list", 1000 * value, "ms", "<= 200 ms", 1000 * floor, value <= 0.2, note)


def pull(_: Namespace) -> Iterator[Row]:
    """A model of 1.04 GB from a server that closes the connection every 50 MB."""
    content = Content(random.Random(1).randbytes(1 << 20), SIZE)
    with _machine() as hub:
        hub.add(REPOSITORY, {"model.bin": content, "config.json": b"{}", "tokenizer.json": b"[]"})
        hub.drop_every = DROP_EVERY
        rival = _rival(hub)
        rival_twice = float(hub.bytes_twice()) if rival else None
        hub.sent.clear()
        with supervisor() as process, Client() as client:
            began = time.perf_counter()
            told = client.pull(MODEL)
            seconds = time.perf_counter() - began
            size = max(child.memory_full_info().pss for child in process.children())
        right = _hash(Path(told.location) / "model.bin") == content.blob
        drops, twice = len(hub.sent["model.bin"]) - 1, hub.bytes_twice()
    note = f"{drops} connections lost; floor: huggingface_hub's own download, which a kill begins anew"
    yield Row("pull: 1.04 GB", seconds, "s", floor=rival, note=note)
    yield Row("pull: right hash", float(right), "", "1", ok=right)
    yield Row("pull: bytes sent twice", float(twice), "bytes", "0", floor=rival_twice, ok=not twice)
    yield Row("pull: size of the worker", size / 1e6, "MB PSS")


def killed(_: Namespace) -> Iterator[Row]:
    """Pulls and imports that are killed at random moments, and the next try."""
    weights = random.Random(1).randbytes(4_000_000)
    files = {"config.json": b"{}", "model.bin": weights, "tokenizer.json": b"[]"}
    checkpoint = gzip.decompress((Path(__file__).parents[2] / "tests/support/data/whisper-commands.pt.gz").read_bytes())
    with _machine() as hub:
        hub.add(REPOSITORY, {**files})
        hub.pace = 0.003
        store = Store(paths.find())

        def is_pulled() -> None:
            found = store.find(MODEL)
            assert found is not None
            assert (store.location(found) / "model.bin").read_bytes() == weights

        def forget_pulled() -> None:
            shutil.rmtree(hub_cache.cache())
            store.manifest_path(MODEL).unlink()

        done = kill_at_random(["pull", MODEL], MODEL, KILLS, seed=1, forget=forget_pulled, check=is_pulled)
        yield Row(
            "killed: pulls whose next try succeeds", done.kills, "", str(KILLS), ok=True, note=f"{done.late} late"
        )
        path, own = store.folder.parent / "own.pt", store.folder / "whisper" / "own.pt"
        path.write_bytes(checkpoint)

        def is_imported() -> None:
            assert store.find("whisper/own") is not None
            assert own.read_bytes() == checkpoint

        def forget_imported() -> None:
            own.unlink()
            store.manifest_path("whisper/own").unlink()

        words = ["import", str(path), "own"]
        done = kill_at_random(words, "whisper/own", KILLS, seed=2, forget=forget_imported, check=is_imported)
        yield Row(
            "killed: imports whose next try succeeds", done.kills, "", str(KILLS), ok=True, note=f"{done.late} late"
        )


@contextmanager
def _machine() -> Iterator[HubServer]:
    """A hub on this machine, and empty folders whose owner asks only that hub."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="hushd-") as name, serving() as hub:
        for variable in ("HF_HOME", "HUSHD_MODELS_DIR", "HUSHD_STATE_DIR", "XDG_CACHE_HOME"):
            os.environ[variable] = str(Path(name) / variable)
        os.environ |= {"HF_ENDPOINT": hub.url, "HUSHD_CONFIG": str(Path(name) / "config.toml")}
        for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
            os.environ.pop(variable, None)
        try:
            yield hub
        finally:
            os.environ.clear()
            os.environ.update(before)


def _rival(hub: HubServer) -> float | None:
    """Seconds that huggingface_hub's own download takes from the same server; None where it is not installed."""
    if find_spec("huggingface_hub") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="hushd-") as name:
        environment = os.environ | {"HF_HOME": name, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-c", _RIVAL, REPOSITORY], env=environment, stderr=subprocess.DEVNULL, check=False
        )
        return time.perf_counter() - began if not ended.returncode else None


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

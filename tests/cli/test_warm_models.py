"""`hushd status` shows which models the system keeps in memory; `hushd unload --drop` gives those pages back too."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_cli import warm_models
from hushd_cli.commands import status
from hushd_protocol.messages import Control, Message, Result
from hushd_protocol.system import page_cache
from support import warm
from support.scripted_router import ScriptedRouter

Start = Callable[..., ScriptedRouter]
SIZE = 3_000_000
STATUS = {
    "supervisor": {"pid": 12, "version": "0.1.0", "uptime_s": 3700.0, "rss_mb": 22.0, "pss_mb": 15.2},
    "workers": [],
    "memory": {"budget_mb": 6400.0, "used_mb": 0.0, "available_mb": 5100.0, "pressure": "normal"},
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is cached is known on Linux")


def hushd(*words: str) -> Any:
    command = [sys.executable, "-P", "-c", "from hushd_cli import entry; entry.hushd()", *words]
    return warm.run(command, stdin=-3, stdout=-1, stderr=-1, timeout=60, check=False)


def answer(router: ScriptedRouter, route: bytes, message: Message) -> None:
    if isinstance(message, Control):
        data = STATUS if message.action == "status" else {"unloaded": ["stt/onnx-asr/mine"], "busy": {}}
        router.send(route, Result(id=message.id, data=data))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a model of the user's own, on the disk and read once."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.delenv("HUSHD_ENDPOINT", raising=False)
    file = tmp_path / "models" / "onnx-asr" / "mine" / "model.onnx"
    file.parent.mkdir(parents=True)
    with file.open("wb") as out:
        out.write(os.urandom(SIZE))
        os.fsync(out.fileno())
    page_cache.drop(file)
    if page_cache.cached(file):
        pytest.skip("this file system forgets nothing: it is in memory")
    file.read_bytes()
    return file


def stays_after(weights: Path, act: Callable[[], object]) -> bool:
    """Tells in one try if a file is still in memory after `act`: the system may take a page back at any time."""
    for _ in range(3):
        weights.read_bytes()
        act()
        if page_cache.cached(weights) == SIZE:
            return True
    return False


def test_status_shows_what_is_warm(weights: Path, start_router: Start) -> None:
    """A line for each model of which something is in memory, and none when it is not; asking reads nothing."""
    start_router(answer)
    shown = [hushd("status").stdout.decode().splitlines()[-1] for _ in range(3) if weights.read_bytes()]
    assert "warm onnx-asr/mine: 3 of 3 MB are in the system's cache" in shown
    page_cache.drop(weights)
    assert "warm" not in hushd("status").stdout.decode()
    assert page_cache.cached(weights) == 0


@pytest.mark.parametrize("words", [[], ["stt"], ["stt/onnx-asr"], ["stt/onnx-asr/mine"]])
def test_unload_drops_what_is_meant(weights: Path, start_router: Start, words: list[str]) -> None:
    """The files of those models are forgotten after their workers have ended, and how much that was is said."""
    start_router(answer)
    done = hushd("unload", *words, "--drop")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"3 MB of models' files are no longer in the system's cache\n"
    assert page_cache.cached(weights) == 0


@pytest.mark.parametrize("words", [["--drop", "tts"], ["--drop", "stt/onnx"], ["stt"]])
def test_unload_keeps_the_others(weights: Path, start_router: Start, words: list[str]) -> None:
    """Other roles, engines whose names begin alike, and every file where nothing is to be dropped."""
    start_router(answer)
    assert hushd("unload", *words).returncode == 0
    assert stays_after(weights, lambda: hushd("unload", *words))


def test_dropping_while_nothing_runs(weights: Path, runtime: Path) -> None:
    """Pages outlive the supervisor too; without --drop there is nobody to ask, which is said as ever."""
    assert hushd("unload").returncode == 3
    done = hushd("unload", "--drop", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"unloaded": [], "busy": {}, "dropped_mb": {"onnx-asr/mine": 3.0}}


def test_another_machines_files(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not here: nothing is dropped, and a sentence says so."""
    monkeypatch.setenv("HUSHD_ENDPOINT", "ssh://elsewhere")
    done = hushd("unload", "--drop")
    assert done.returncode != 0
    assert b"--drop and PROGRAM are about this machine" in done.stderr
    assert stays_after(weights, lambda: hushd("unload", "--drop"))


def test_status_looks_at_few_engines() -> None:
    """Engines of workers whose models lie outside their packages are looked at, and no others."""
    workers = [
        "stt/moonshine/tiny-en",
        "tts/hibari/en#2",
        "stt/onnx-asr/mine#3",
        "models/hub/default",
        "tts/unheard/of",
    ]
    assert list(status.engines_with_files(workers)) == ["onnx-asr"]


def test_a_model_in_the_hubs_cache_is_looked_at_for_its_worker(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that another program has pulled is warm, or not, for as long as status names a worker of its engine."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--Systran--faster-whisper-tiny" / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (snapshot / name).write_bytes(bytes(100_000))
    models = [f"{model.row.model} {model.row.origin}" for model in warm_models.warm_models(["faster-whisper"])]
    assert models == ["faster-whisper/tiny hub"]

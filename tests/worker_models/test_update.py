"""`pull` with `update`: the source is asked again, what has changed comes, and whoever loads sees old or new."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_models import hf_cache as hub_cache
from hushd_models import inventory, removal, verification
from hushd_models.manifest import Manifest
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_worker.job import Cancelled
from support.hub_server import Content, HubServer
from support.killed_models import kill_at_random

Ask = Callable[..., Any]
REPOSITORY, MODEL = "Systran/faster-whisper-base", "faster-whisper/base"
KILLS = int(os.environ.get("HUSHD_KILLS", "3"))
OLD: dict[str, Any] = {
    "config.json": b'{"old": true}',
    "model.bin": random.Random(1).randbytes(2_000_000),
    "tokenizer.json": random.Random(2).randbytes(40_000),
}
NEW = {**OLD, "config.json": b'{"new": true}', "model.bin": random.Random(3).randbytes(2_000_000)}


def store() -> Store:
    return Store(paths.find())


def found(model: str = MODEL) -> Manifest:
    kept = store().find(model)
    assert kept
    return kept


def loaded(model: str = MODEL) -> dict[str, bytes]:
    """Returns the files that a worker starting now reads, after the check that each makes."""
    kept = verification.before_load(*model.split("/"), lambda note: None)
    assert kept
    return {name: (store().location(kept) / name).read_bytes() for name in kept.files}


def files_asked(hub: HubServer) -> list[str]:
    return [request for request in hub.requests if request.startswith("GET") and "/api/" not in request]


def pulled(hub: HubServer, ask: Ask) -> None:
    """The old model is here; nothing of that is counted."""
    hub.add(REPOSITORY, OLD)
    ask("pull", model=MODEL).result()
    hub.requests.clear()
    hub.sent.clear()


# --- the hub ---------------------------------------------------------------------------------------------------------


def test_nothing_newer(hub: HubServer, ask: Ask) -> None:
    """The hub is asked for the commit alone; nothing comes, nothing is written, and that is said."""
    pulled(hub, ask)
    before, written = found(), store().manifest_path(MODEL).stat().st_ino
    job = ask("pull", model=MODEL, update=True)
    assert job.result() == {"model": MODEL, "size": before.size, "location": before.location, "changed": False}
    assert job.progress[-1] == (before.size, before.size)
    assert len(hub.requests) == 1
    assert files_asked(hub) == []
    assert (found(), store().manifest_path(MODEL).stat().st_ino) == (before, written)
    assert store().unfinished() == []


def test_what_has_changed_comes(hub: HubServer, ask: Ask) -> None:
    """Only that; the manifest names the new commit, and the old files stay for who is loading them, until `prune`."""
    pulled(hub, ask)
    before = found()
    newer = {**OLD, "config.json": NEW["config.json"]}
    hub.add(REPOSITORY, newer)
    told = ask("pull", model=MODEL, update=True).result()
    assert told["changed"] is True
    assert list(hub.sent) == ["config.json"]
    assert loaded() == newer
    assert found().source.revision == hub.commit(REPOSITORY)
    assert hub_cache.snapshot(REPOSITORY) == Path(told["location"])
    assert (Path(before.location) / "config.json").read_bytes() == OLD["config.json"]
    assert verification.verify(store(), before) == []


@pytest.mark.parametrize("by", ["prune", "rm"])
def test_the_old_revision_is_removed(hub: HubServer, ask: Ask, by: str) -> None:
    """By `prune`, which says what it frees, also beforehand; or with the model. What both have in common stays while
    one needs it."""
    pulled(hub, ask)
    old = Path(found().location)
    hub.add(REPOSITORY, {**OLD, "model.bin": NEW["model.bin"]})
    ask("pull", model=MODEL, update=True).result()
    if by == "rm":
        assert removal.remove(store(), inventory.row(store(), MODEL)).size == 4_040_013
        assert not hub_cache.repository_folder(REPOSITORY).exists()
    else:
        for dry_run in (True, False):
            assert old.exists()
            (removed,) = removal.prune(store(), inventory.rows(store()), dry_run=dry_run)
            assert (removed.what, removed.size) == (f"{MODEL} before an update", 2_000_000)
        assert not old.exists()
        assert loaded() == {**OLD, "model.bin": NEW["model.bin"]}
        assert len(list((hub_cache.repository_folder(REPOSITORY) / "blobs").iterdir())) == 3
    assert removal.prune(store(), inventory.rows(store())) == []


def test_what_is_not_here_is_pulled(hub: HubServer, ask: Ask) -> None:
    """An update of nothing is a pull; so is one of a damaged model, which gets the newest."""
    hub.add(REPOSITORY, OLD)
    assert ask("pull", model=MODEL, update=True).result()["changed"] is True
    (Path(found().location) / "model.bin").resolve().write_bytes(b"x" * 2_000_000)
    hub.add(REPOSITORY, NEW)
    ask("pull", model=MODEL, update=True).result()
    assert loaded() == NEW


def test_offline(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked, the model stays, and one sentence says why; whoever asks may know better than the worker."""
    pulled(hub, ask)
    before = found()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HushdError, match="faster-whisper/base cannot be updated while HF_HUB_OFFLINE is set") as raised:
        ask("pull", model=MODEL, update=True).result()
    assert raised.value.code == "model_missing"
    assert (hub.requests, found()) == ([], before)
    ask("pull", model=MODEL, update=True, offline=False).result()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(HushdError, match="HF_HUB_OFFLINE is set"):
        ask("pull", model=MODEL, update=True, offline=True).result()


def test_an_update_that_fails_leaves_what_was(hub: HubServer, ask: Ask) -> None:
    """Cancelled, or of a server that sends something else: the old model is whole; what has come is not sent again."""
    pulled(hub, ask)
    hub.add(REPOSITORY, NEW)
    hub.corrupt = {"model.bin"}
    with pytest.raises(HushdError, match="wrong checksum"):
        ask("pull", model=MODEL, update=True).result()
    assert loaded() == OLD
    hub.corrupt, hub.pace = set(), 0.01
    hub.sent.clear()
    job = ask("pull", model=MODEL, update=True)
    while hub.bytes_sent("model.bin") < 500_000:
        threading.Event().wait(0.005)
    job.job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    assert loaded() == OLD
    hub.pace = 0.0
    ask("pull", model=MODEL, update=True).result()
    assert loaded() == NEW
    assert hub.sent["model.bin"][-1][0] >= 400_000, "it has begun anew"


def test_killed_at_any_moment(hub: HubServer, ask: Ask) -> None:
    """By SIGKILL: there is the old or the new model, and the next update succeeds."""

    def forget() -> None:
        shutil.rmtree(hub_cache.cache(), ignore_errors=True)
        shutil.rmtree(store().folder, ignore_errors=True)
        hub.pace = 0.0
        pulled(hub, ask)
        hub.add(REPOSITORY, NEW)
        hub.pace = 0.003

    def check() -> None:
        assert loaded() == NEW

    forget()
    kill_at_random(["update", MODEL], MODEL, KILLS, seed=3, forget=forget, check=check)


def load_meanwhile(model: str, update: Callable[[], object]) -> list[dict[str, bytes]]:
    """All that workers load that start during an update, and right after it."""
    seen: list[dict[str, bytes]] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            seen.append(loaded(model))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        update()
    finally:
        done.set()
        thread.join()
    return [*seen, loaded(model)]


def test_workers_start_during_an_update(hub: HubServer, ask: Ask) -> None:
    """Each reads the old model or the new one, never some of both."""
    pulled(hub, ask)
    hub.add(REPOSITORY, NEW)
    hub.pace = 0.002
    seen = load_meanwhile(MODEL, ask("pull", model=MODEL, update=True).result)
    assert all(files in (OLD, NEW) for files in seen)
    assert (seen[0], seen[-1]) == (OLD, NEW)


def test_single_files_of_the_hub(hub: HubServer, ask: Ask) -> None:
    """Of a voice whose description alone has changed nothing else comes."""
    name, folder = "fr_FR-siwis-medium", "fr/fr_FR/siwis/medium"
    graph = OLD["model.bin"]
    for description, sent in ((b"{}", {"onnx", "json"}), (b'{"a": 1}', {"json"}), (b'{"a": 1}', set())):
        hub.add("rhasspy/piper-voices", {f"{folder}/{name}.onnx": graph, f"{folder}/{name}.onnx.json": description})
        hub.sent.clear()
        ask("pull", model=f"piper/{name}", update=True).result()
        assert {name.rpartition(".")[2] for name in hub.sent} == sent
        assert loaded(f"piper/{name}") == {f"{name}.onnx": graph, f"{name}.onnx.json": description}
        assert store().unfinished() == []


# --- other sources ---------------------------------------------------------------------------------------------------


def configure(hub: HubServer, *models: str, files: str = "NAME.pt", sha256: str = "") -> None:
    """Adds models of a plain server to the configuration; `sha256` is that of each one's first file."""
    lines = []
    for model in models:
        names = files.replace("NAME", model.partition("/")[2]).split()
        lines += [f'[models."{model}"]', f'url = "{hub.url}/files"', f"files = {json.dumps(names)}"]
        lines += [f'sha256 = {{ "{names[0]}" = "{sha256}" }}'] if sha256 else []
    Path(os.environ["HUSHD_CONFIG"]).write_text("\n".join(lines))


def test_a_file_of_a_plain_server(hub: HubServer, ask: Ask) -> None:
    """By the server's account of it: the same is not sent, another of the same size is. Who starts
    meanwhile reads one of both, though a file has its place shortly before its manifest."""
    configure(hub, "whisper/mine")
    hub.files["/files/mine.pt"] = Content(OLD["model.bin"])
    ask("pull", model="whisper/mine").result()
    hub.requests.clear()
    assert ask("pull", model="whisper/mine", update=True).result()["changed"] is False
    assert hub.requests == ["HEAD /files/mine.pt"]
    assert store().unfinished() == []
    hub.files["/files/mine.pt"], hub.pace = Content(NEW["model.bin"]), 0.002
    job = ask("pull", model="whisper/mine", update=True)
    seen = load_meanwhile("whisper/mine", job.result)
    assert job.result()["changed"] is True
    assert [files["mine.pt"] for files in (seen[0], seen[-1])] == [OLD["model.bin"], NEW["model.bin"]]
    assert all(files["mine.pt"] in (OLD["model.bin"], NEW["model.bin"]) for files in seen)


# --- files that several models share ---------------------------------------------------------------------------------

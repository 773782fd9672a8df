"""`pull` with `update`: the source is asked again, what has changed comes, and whoever loads sees old or new."""

from __future__ import annotations

import hashlib
import itertools
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
from hushd_worker_models import install
from support.commands import unpack_checkpoint
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


def test_several_old_revisions_are_removed(hub: HubServer, ask: Ask) -> None:
    """Shared files go with the last model that uses them, and a dry run says the same beforehand."""
    pulled(hub, ask)
    for number in range(2):
        hub.add(REPOSITORY, {**OLD, "config.json": b"%d" % number})
        ask("pull", model=MODEL, update=True).result()
    hub.add(REPOSITORY, NEW)
    ask("pull", model=MODEL, update=True).result()
    said, done = (removal.prune(store(), inventory.rows(store()), dry_run=dry) for dry in (True, False))
    assert said == done
    assert sum(removed.size for removed in done) == 2_000_000 + len(OLD["config.json"]) + 2
    assert loaded() == NEW


def test_back_to_the_old_revision(hub: HubServer, ask: Ask) -> None:
    """A branch may be set back: a file needed again is not removed as an earlier revision."""
    pulled(hub, ask)
    for files in (NEW, OLD):
        hub.add(REPOSITORY, files)
        ask("pull", model=MODEL, update=True).result()
    assert sorted(hub.sent) == ["config.json", "model.bin"]
    assert hub.bytes_twice() == 0
    removal.prune(store(), inventory.rows(store()))
    assert loaded() == OLD


def test_a_commit_that_changes_no_file_of_the_model(hub: HubServer, ask: Ask) -> None:
    """A word in the README is nothing newer; the manifest names the commit all the same."""
    pulled(hub, ask)
    hub.add(REPOSITORY, {**OLD, "README.md": b"now with a comma"})
    assert ask("pull", model=MODEL, update=True).result()["changed"] is False
    assert files_asked(hub) == []
    assert found().source.revision == hub.commit(REPOSITORY)


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


def test_a_worker_waits_for_the_manifest_of_new_files(
    hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that starts between both does not take the model for damaged."""
    configure(hub, "whisper/mine")
    hub.files["/files/mine.pt"] = Content(b"old")
    ask("pull", model="whisper/mine").result()
    hub.files["/files/mine.pt"] = Content(b"new")
    write, between, on = Store.write, threading.Event(), threading.Event()

    def slowly(self: Store, manifest: Manifest) -> None:
        between.set()
        assert on.wait(60)
        write(self, manifest)

    monkeypatch.setattr(Store, "write", slowly)
    job = ask("pull", model="whisper/mine", update=True)
    assert between.wait(60)
    threading.Timer(0.1, on.set).start()
    assert loaded("whisper/mine") == {"mine.pt": b"new"}
    job.result()


@pytest.mark.parametrize("placed", [1, 2])
def test_killed_before_the_manifest_of_new_files(
    hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch, placed: int
) -> None:
    """With all files in their places the model is the new one. Killed between two of them, it is told to be damaged and
    never loaded. A pull mends both without another download."""
    configure(hub, "piper/mine", files="NAME.onnx NAME.onnx.json")
    hub.files = {"/files/mine.onnx": Content(b"old"), "/files/mine.onnx.json": Content(b"{}")}
    ask("pull", model="piper/mine").result()
    hub.files = {"/files/mine.onnx": Content(b"new"), "/files/mine.onnx.json": Content(b"[]")}
    put, puts = install._put, itertools.count(1)

    def put_and_die(path: Path, place: Path) -> None:
        put(path, place)
        if next(puts) == placed:
            raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(install, "_put", put_and_die)
        with pytest.raises(SystemExit):
            ask("pull", model="piper/mine", update=True).result()
    monkeypatch.setattr(verification, "_SETTLING_S", 0.1)
    if placed == 2:
        assert loaded("piper/mine") == {"mine.onnx": b"new", "mine.onnx.json": b"[]"}
    else:
        with pytest.raises(HushdError, match=r"is damaged .* `hushd models pull piper/mine` gets it again"):
            loaded("piper/mine")
    hub.sent.clear()
    ask("pull", model="piper/mine").result()
    assert loaded("piper/mine") == {"mine.onnx": b"new", "mine.onnx.json": b"[]"}
    assert hub.sent == {}
    assert store().unfinished() == []


def test_a_hash_that_is_known_says_that_nothing_is_newer(hub: HubServer, ask: Ask) -> None:
    """Of openai-whisper's files it is: nobody is asked."""
    configure(hub, "whisper/mine", sha256=hashlib.sha256(OLD["model.bin"]).hexdigest())
    hub.files["/files/mine.pt"] = Content(OLD["model.bin"])
    ask("pull", model="whisper/mine").result()
    hub.requests.clear()
    assert ask("pull", model="whisper/mine", update=True).result()["changed"] is False
    assert hub.requests == []


def test_what_was_made_here_is_made_of_its_source_again(hub: HubServer, ask: Ask) -> None:
    """A conversion's source is the checkpoint: nothing to do while that is the same, else it is made anew."""
    for package in ("ctranslate2", "tokenizers", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    checkpoint = unpack_checkpoint(Path(os.environ["XDG_CACHE_HOME"]) / "whisper" / "tiny.en.pt")
    ask("pull", model="faster-whisper/tiny.en").result()
    before = found("faster-whisper/tiny.en")
    assert ask("pull", model="faster-whisper/tiny.en", update=True).result()["changed"] is False
    assert found("faster-whisper/tiny.en") == before
    with checkpoint.open("ab") as file:
        file.write(b"\0")  # a zip file may have something behind it
    ask("pull", model="faster-whisper/tiny.en", update=True).result()
    assert found("faster-whisper/tiny.en").source.sha256 != before.source.sha256
    assert hub.requests == []


def test_what_was_imported_has_nobody_to_ask(hub: HubServer, ask: Ask, tmp_path: Path) -> None:
    """It is left alone, and the sentence says what to do."""
    ask("import", path=str(unpack_checkpoint(tmp_path / "own.pt")), name="base").result()
    with pytest.raises(HushdError, match=r"whisper/base was imported from .* under another --name"):
        ask("pull", model="whisper/base", update=True).result()
    assert hub.requests == []


# --- files that several models share ---------------------------------------------------------------------------------


def test_voices_that_models_share_come_once(hub: HubServer, ask: Ask) -> None:
    """kokoro's lie on a plain server beside its models: the second model takes those of the first."""
    configure(hub, "kokoro/a", "kokoro/b", files="NAME.onnx voices-v1.0.bin")
    voices = OLD["model.bin"]
    served = {"a.onnx": b"graph a", "b.onnx": b"graph b", "voices-v1.0.bin": voices}
    hub.files = {f"/files/{name}": Content(data) for name, data in served.items()}
    for name in "ab":
        job = ask("pull", model=f"kokoro/{name}")
        job.result()
        assert job.progress[-1] == (2_000_007, 2_000_007)
    assert hub.bytes_sent("/files/voices-v1.0.bin") == len(voices)
    assert loaded("kokoro/a") == {"a.onnx": b"graph a", "voices-v1.0.bin": voices}
    assert loaded("kokoro/b") == {"b.onnx": b"graph b", "voices-v1.0.bin": voices}
    assert not list((store().folder / "kokoro").glob(".*")), "something is left"


def test_voices_that_are_damaged_are_not_shared(hub: HubServer, ask: Ask) -> None:
    """Their hash is looked at before, also where the size is right."""
    test_voices_that_models_share_come_once(hub, ask)
    place = store().folder / "kokoro"
    voices = (place / "voices-v1.0.bin").read_bytes()
    removal.remove(store(), inventory.row(store(), "kokoro/b"))
    (place / "voices-v1.0.bin").write_bytes(bytes(len(voices)))
    ask("pull", model="kokoro/b").result()
    assert loaded("kokoro/b")["voices-v1.0.bin"] == voices
    assert loaded("kokoro/a")["voices-v1.0.bin"] == voices

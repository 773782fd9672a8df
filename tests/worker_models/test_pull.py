"""Pulling models from a hub and from plain servers, which misbehave."""

from __future__ import annotations

import hashlib
import os
import pkgutil
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hushd_models import catalogue, removal
from hushd_models import hf_cache as hub_cache
from hushd_models.installation import extra_command
from hushd_models.store import Store, lock_shared
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_worker.job import Cancelled
from hushd_worker_models import web
from support.hub_server import Content, HubServer, arrived
from support.peer import BOUND_S, wait_until
from support.refusals import hushd_error

REPOSITORY, MODEL = "Systran/faster-whisper-base", "faster-whisper/base"
WEIGHTS = hashlib.shake_256(b"1").digest(3_000_000)
FILES: dict[str, Any] = {
    "config.json": b"{}",
    "model.bin": WEIGHTS,
    "tokenizer.json": hashlib.shake_256(b"2").digest(40_000),
    "vocabulary.txt": b"a\nb\n",
    "README.md": b"not wanted",
}
Ask = Callable[..., Any]
Offer = Callable[..., None]


def store() -> Store:
    return Store(paths.find())


def check_whole(files: dict[str, bytes] = FILES, model: str = MODEL) -> None:
    """All that its manifest names is there, with the right hash, and under the names its engine reads."""
    found = store().find(model)
    assert found is not None
    for name, file in found.files.items():
        data = (store().location(found) / name).read_bytes()
        assert data == files[name]
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_a_model_of_the_hub_lies_in_its_cache_and_in_the_manifest(hub: HubServer, ask: Ask) -> None:
    """The wanted files, and no others, are where Hugging Face's own library finds them without a network; a second
    pull checks them by their hashes, and asks for none again."""
    hub.add(REPOSITORY, FILES)
    job = ask("pull", model=MODEL)
    told = job.result()
    check_whole()
    found = store().find(MODEL)
    assert found is not None
    assert (found.source.kind, found.source.place, found.source.revision) == ("hub", REPOSITORY, hub.commit(REPOSITORY))
    assert sorted(found.files) == ["config.json", "model.bin", "tokenizer.json", "vocabulary.txt"]
    assert told["size"] == found.size == job.progress[-1][0] == job.progress[-1][1]
    assert hub_cache.snapshot(REPOSITORY) == Path(told["location"])
    assert not any("README" in request for request in hub.requests)
    hub.requests.clear()
    assert ask("pull", model=MODEL).result() == told
    assert hub.requests == []
    hf = pytest.importorskip("huggingface_hub")
    cache = hub_cache.cache()
    theirs = hf.hf_hub_download(REPOSITORY, "model.bin", cache_dir=cache, local_files_only=True)
    assert Path(theirs).read_bytes() == WEIGHTS
    assert [repo.repo_id for repo in hf.scan_cache_dir(cache).repos] == [REPOSITORY]
    assert not hf.scan_cache_dir(cache).warnings


def test_what_another_program_has_brought_is_not_fetched(hub: HubServer, ask: Ask) -> None:
    """A blob that lies in the cache already is checked and used; the rest is fetched."""
    hub.add(REPOSITORY, FILES)
    blobs = hub_cache.repository_folder(REPOSITORY) / "blobs"
    blobs.mkdir(parents=True)
    (blobs / hashlib.sha256(WEIGHTS).hexdigest()).write_bytes(WEIGHTS)
    ask("pull", model=MODEL).result()
    check_whole()
    assert hub.bytes_sent("model.bin") == 0


def test_a_damaged_file_is_fetched_anew(hub: HubServer, ask: Ask, tmp_path: Path) -> None:
    """The file of a model that has changed on the disk comes again, and no other; where it has become a link to
    the user's own, the link goes and the user's file stays."""
    hub.add(REPOSITORY, FILES)
    told = ask("pull", model=MODEL).result()
    weights, own = Path(told["location"], "model.bin"), tmp_path / "letter.txt"
    own.write_bytes(b"x" * len(WEIGHTS))
    for linked in (False, True):
        if linked:
            weights.unlink()
            weights.symlink_to(own)
        else:
            weights.resolve().write_bytes(own.read_bytes())
        hub.sent.clear()
        ask("pull", model=MODEL).result()
        check_whole()
        assert linked or list(hub.sent) == ["model.bin"]
    assert own.read_bytes() == b"x" * len(WEIGHTS)


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_breaks_off_again_and_again(hub: HubServer, ask: Ask, reset: bool) -> None:
    """Each goes on where the last one ended: no byte twice, where the server's end was a regular one."""
    hub.add(REPOSITORY, FILES)
    hub.drop_every, hub.reset = 100_000, reset
    ask("pull", model=MODEL).result()
    check_whole()
    if not reset:
        assert hub.bytes_twice() == 0
        assert hub.bytes_sent("model.bin") == len(WEIGHTS)


@pytest.mark.parametrize(("model", "asks", "step"), [
    (MODEL, "hub.look_up", f"asking 127.0.0.1 for {REPOSITORY}"),
    ("whisper/mine", "web.Web.headers", "asking 127.0.0.1"),
])  # fmt: skip
def test_a_server_that_thinks_is_named_meanwhile(
    hub: HubServer, ask: Ask, offer: Offer, monkeypatch: pytest.MonkeyPatch, model: str, asks: str, step: str
) -> None:
    """Whoever waits for its answer reads which server was asked, and not that nothing happens."""
    offer(["mine.pt"])
    hub.files["/files/mine.pt"] = Content(WEIGHTS)
    hub.add(REPOSITORY, FILES)
    may_answer, asked = threading.Event(), pkgutil.resolve_name(f"hushd_worker_models.{asks}")

    def slowly(*arguments: Any) -> Any:
        assert may_answer.wait(BOUND_S)
        return asked(*arguments)

    monkeypatch.setattr(f"hushd_worker_models.{asks}", slowly)
    job = ask("pull", model=model)
    try:
        wait_until(lambda: job.steps, "the first step")
        assert job.steps == [step]
    finally:
        may_answer.set()
    job.result()


def test_a_server_that_falls_silent(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which nothing comes is given up for another one, which goes on where it has ended."""
    monkeypatch.setattr(web, "TIMEOUT_S", 0.3)
    hub.add(REPOSITORY, FILES)
    hub.stalls = 2
    ask("pull", model=MODEL).result()
    check_whole()
    sent = hub.sent["model.bin"]
    assert len(sent) >= 3  # a busy machine may be silent itself for as long
    assert [begin for begin, _ in sent[1:]] == [end for _, end in sent[:-1]]
    assert hub.bytes_twice() == 0


@pytest.mark.parametrize("newer", [{}, {"config.json": b'{"new": true}'}], ids=["the same", "a newer revision"])
def test_a_pull_that_was_cancelled_goes_on_at_the_next(hub: HubServer, ask: Ask, newer: dict[str, bytes]) -> None:
    """Bytes that had arrived stay, do not count as a model meanwhile, and are not sent again; of a revision that has
    moved in between, one commit is pulled, never files of two."""
    hub.add(REPOSITORY, FILES)
    hub.slow_down(500_000)
    job = ask("pull", model=MODEL)
    wait_until(lambda: arrived(hub_cache.cache()) >= 500_000, "half a megabyte")
    job.job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    assert store().find(MODEL) is None
    assert hub_cache.snapshot(REPOSITORY) is None
    assert store().unfinished() == [MODEL]
    hub.pace = 0.0
    if newer:
        hub.add(REPOSITORY, FILES | newer)
    ask("pull", model=MODEL).result()
    check_whole(FILES | newer)
    assert hub.sent["model.bin"][-1][0] >= 500_000, "it has begun anew"


def test_two_pulls_at_once_are_one_download(hub: HubServer, ask: Ask) -> None:
    """The second waits for the first; both have the model, and it travels once."""
    hub.add(REPOSITORY, FILES)
    hub.slow_down(0)
    jobs = [ask("pull", model=MODEL), ask("pull", model="faster-whisper/base")]
    wait_until(lambda: any("waiting" in step for job in jobs for step in job.steps), "one that waits")
    hub.pace = 0.0
    results = [job.result() for job in jobs]
    assert results[0] == results[1]
    check_whole()
    assert hub.bytes_twice() == 0
    assert all(job.progress[-1][0] == results[0]["size"] for job in jobs)


def test_a_model_is_removed_beside_the_download_of_another_one_of_its_repository(hub: HubServer, ask: Ask) -> None:
    """While that runs the removal is refused; once it was broken off it keeps all that has come, also of a file that
    both have, and goes on there."""
    repository, ctc, rnnt = "istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx", "ru-ctc", "ru-rnnt"
    ctc, rnnt = f"onnx-asr/nemo-fastconformer-{ctc}", f"onnx-asr/nemo-fastconformer-{rnnt}"
    vocabulary = hashlib.shake_256(b"3").digest(50_000)
    files = {"model.int8.onnx": b"x" * 5000, "decoder_joint-model.int8.onnx": b"j" * 5000, "vocab.txt": vocabulary}
    hub.add(repository, files | {"encoder-model.int8.onnx": WEIGHTS})
    ask("pull", model=ctc).result()
    hub.slow_down(500_000)
    job = ask("pull", model=rnnt)
    wait_until(lambda: arrived(hub_cache.cache()) >= 500_000, "half a megabyte")
    with hushd_error("server_busy", "is being pulled: try again when it is done."):
        removal.remove(store(), ctc)
    job.job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    hub.pace = 0.0
    wait_until(lambda: _removed(ctc), "the end of the broken pull")
    assert store().kept() == {}
    ask("pull", model=rnnt).result()
    check_whole({**files, "encoder-model.int8.onnx": WEIGHTS}, rnnt)
    assert hub.sent["encoder-model.int8.onnx"][-1][0] >= 500_000, "it has begun anew"
    assert hub.bytes_sent("vocab.txt") == len(vocabulary)


def _removed(model: str) -> bool:
    try:
        removal.remove(store(), model)
    except HushdError as error:
        if error.code != "server_busy":
            raise
        return False
    return True


def test_a_model_is_not_removed_as_another_one_is_moved_into_its_folder(
    hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kokoro's models share their voices: until the new one's manifest says that it needs them, none goes."""
    names = ("kokoro-v1.0", "kokoro-v1.0.int8")
    for name in names:
        entry = replace(catalogue.models()[f"kokoro/{name}"], url=f"{hub.url}/files", repository="", sha256={})
        monkeypatch.setitem(catalogue.well_known(catalogue.engines()["kokoro"]), f"kokoro/{name}", entry)
        hub.files[f"/files/{name}.onnx"] = Content(name.encode())
    hub.files["/files/voices-v1.0.bin"] = Content(b"voices")
    ask("pull", model=f"kokoro/{names[0]}").result()
    write = Store.write

    def moved(there: Store, manifest: Any) -> None:
        with hushd_error("server_busy"):
            removal.remove(there, f"kokoro/{names[0]}")
        write(there, manifest)

    monkeypatch.setattr(Store, "write", moved)
    ask("pull", model=f"kokoro/{names[1]}").result()
    assert removal.remove(store(), f"kokoro/{names[0]}").spared == 1
    found = store().find(f"kokoro/{names[1]}")
    assert found
    assert not store().missing(found)


def test_a_damaged_file_that_another_pull_mends_meanwhile_stays(hub: HubServer, ask: Ask) -> None:
    """The blob is looked at again once no other model of the repository is being pulled."""
    hub.add(REPOSITORY, FILES)
    told = ask("pull", model=MODEL).result()
    weights = Path(told["location"], "model.bin").resolve()
    hub.sent.clear()
    with lock_shared(hub_cache.repository_folder(REPOSITORY)):
        weights.write_bytes(b"x" * len(WEIGHTS))
        job = ask("pull", model=MODEL)
        wait_until(lambda: any("waiting" in step for step in job.steps), "the second pull's wait")
        weights.write_bytes(WEIGHTS)
    job.result()
    check_whole()
    assert not hub.sent


def test_a_busy_server_is_asked_again(hub: HubServer, ask: Ask) -> None:
    """429 with a Retry-After, and 503, are not failures; nobody waits for an hour: the error says so, with
    `retry_after_ms`."""
    hub.add(REPOSITORY, FILES)
    hub.answers = [(429, 3600)] * 8
    with pytest.raises(HushdError, match="in 3600 s") as raised:
        ask("pull", model=MODEL).result()
    assert raised.value.retry_after_ms == 3_600_000
    hub.answers = [(429, 0), (503, None), (500, None)]
    ask("pull", model=MODEL).result()
    check_whole()


def test_a_wrong_hash_is_told_and_nothing_is_kept(hub: HubServer, ask: Ask) -> None:
    """A file with a wrong hash never gets a name, and the next try is a new download."""
    name = "model.bin"
    hub.add(REPOSITORY, FILES)
    hub.corrupt = {name}
    with hushd_error("model_missing", rf"\({name} has a wrong checksum\)"):
        ask("pull", model=MODEL).result()
    assert store().find(MODEL) is None
    assert hub_cache.snapshot(REPOSITORY) is None
    wrong = hub.repositories[REPOSITORY]["main"][name].blob
    assert not list((hub_cache.repository_folder(REPOSITORY) / "blobs").glob(f"{wrong}*"))
    hub.corrupt = set()
    ask("pull", model=MODEL).result()
    check_whole()


def test_what_is_gone_is_told(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that is not there, one that lacks a file, and a server are named, with the reason."""
    with pytest.raises(HushdError, match=r"There is nothing at .*Revision not found"):
        ask("pull", model=MODEL).result()
    hub.add(REPOSITORY, {"config.json": b"{}"})
    with pytest.raises(HushdError, match="does not have the files"):
        ask("pull", model=MODEL).result()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HushdError, match=r"127\.0\.0\.1 cannot be reached \(Connection refused\)"):
        ask("pull", model=MODEL).result()


def test_a_token_is_for_the_hub_alone(hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gated model is refused without it, with what to do; with it the storage behind the hub never sees it."""
    hub.add(REPOSITORY, FILES)
    hub.token = "hf_secret"
    with pytest.raises(HushdError, match=r"set HF_TOKEN, and .* `hushd restart`"):
        ask("pull", model=MODEL).result()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    ask("pull", model=MODEL).result()
    check_whole()
    assert hub.strangers == []


def test_offline_takes_what_is_in_the_cache_without_a_request(
    hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_HUB_OFFLINE has the cache looked at, and the server not asked, whatever comes of it."""
    hub.add(REPOSITORY, FILES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HushdError, match="HF_HUB_OFFLINE"):
        ask("pull", model=MODEL).result()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    ask("pull", model=MODEL).result()
    store().manifest_path(MODEL).unlink()
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert ask("pull", model=MODEL).result()["size"] == sum(len(data) for n, data in FILES.items() if n != "README.md")
    assert hub.requests == []


def test_no_room(hub: HubServer, ask: Ask) -> None:
    """A download that does not fit is not begun; the sentence names the need, the free space, and a way out."""
    huge = Content(b"", 10**15)
    huge.blob = "0" * 64
    hub.add(REPOSITORY, {**FILES, "model.bin": huge})
    with hushd_error("output_failed", r"needs 1000000\.\d GB more, and .* stay unused: .* set HF_HUB_CACHE"):
        ask("pull", model=MODEL).result()
    assert hub.sent == {}


def test_an_unknown_name(ask: Ask) -> None:
    """The error says which was meant; embedded models say what brings them."""
    with pytest.raises(HushdError, match="did you mean faster-whisper/base"):
        ask("pull", model="faster-whisper/bsae").result()
    with pytest.raises(HushdError, match=re.escape(extra_command("tts"))):
        ask("pull", model="hibari/en").result()


@pytest.fixture
def offer(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Adds a model of a plain server to the catalogue."""

    def add(files: list[str], model: str = "whisper/mine") -> None:
        spec = catalogue.engines()[model.partition("/")[0]]
        content = {"url": f"{hub.url}/files", "files": files, "languages": "en"}
        monkeypatch.setitem(catalogue.well_known(spec), model, catalogue.known(model, content, {}, spec.role))

    return add


def test_a_model_of_a_plain_server_lies_in_the_models_folder(hub: HubServer, ask: Ask, offer: Offer) -> None:
    """A checkpoint lies where its engine looks for it; a connection that breaks off costs nothing twice."""
    offer(["mine.pt"])
    hub.files["/files/mine.pt"] = Content(WEIGHTS)
    hub.drop_every = 200_000
    ask("pull", model="whisper/mine").result()
    check_whole({"mine.pt": WEIGHTS}, "whisper/mine")
    assert (store().folder / "whisper" / "mine.pt").read_bytes() == WEIGHTS
    assert hub.bytes_twice() == 0
    assert store().unfinished() == []


def test_a_folder_of_a_plain_server(hub: HubServer, ask: Ask, offer: Offer) -> None:
    """An engine that wants folders gets one, at once and whole."""
    files = {name: data for name, data in FILES.items() if name != "README.md"}
    offer(sorted(files), "faster-whisper/mine")
    hub.files = {f"/files/{name}": Content(data) for name, data in files.items()}
    ask("pull", model="faster-whisper/mine").result()
    check_whole(files, "faster-whisper/mine")
    assert (store().folder / "faster-whisper" / "mine" / "model.bin").is_file()


@pytest.mark.plugin("engines-piper")
def test_single_files_of_the_hub(hub: HubServer, ask: Ask) -> None:
    """piper's voices are in one repository in many folders; its engine wants them beside one another."""
    name = "fr_FR-siwis-medium"
    folder = "fr/fr_FR/siwis/medium"
    hub.add(
        "rhasspy/piper-voices",
        {f"{folder}/{name}.onnx": WEIGHTS, f"{folder}/{name}.onnx.json": b"{}", "de/de_DE/x.onnx": b"x"},
    )
    ask("pull", model=f"piper/{name}").result()
    check_whole({f"{name}.onnx": WEIGHTS, f"{name}.onnx.json": b"{}"}, f"piper/{name}")
    assert sorted(p.name for p in (store().folder / "piper").glob("[!.]*")) == [
        f"{name}.hushd.json", f"{name}.onnx", f"{name}.onnx.json"
    ]  # fmt: skip


def test_a_voice_of_hibari_comes_to_where_its_engine_looks(
    hub: HubServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in the engine's folder; what has another SHA-256 than hibari's own table says is thrown away."""
    known = replace(catalogue.models()["hibari/emma"], url=f"{hub.url}/files")
    hub.files["/files/bf_emma.int8.onnx"] = Content(WEIGHTS)
    models = catalogue.well_known(catalogue.engines()["hibari"])
    monkeypatch.setitem(models, "hibari/emma", known)
    with pytest.raises(HushdError, match="wrong checksum"):
        ask("pull", model="hibari/emma").result()
    assert not list((store().folder / "hibari").glob("*.onnx"))
    right = replace(known, sha256={"bf_emma.int8.onnx": hashlib.sha256(WEIGHTS).hexdigest()})
    monkeypatch.setitem(models, "hibari/emma", right)
    ask("pull", model="hibari/emma").result()
    check_whole({"bf_emma.int8.onnx": WEIGHTS}, "hibari/emma")
    assert (store().folder / "hibari" / "bf_emma.int8.onnx").is_file()


def test_what_the_package_has_is_taken(hub: HubServer, ask: Ask, offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download of openai-whisper's package is used where it is."""
    offer(["mine.pt"])
    cache = Path(os.environ["XDG_CACHE_HOME"], "whisper")
    cache.mkdir(parents=True)
    (cache / "mine.pt").write_bytes(WEIGHTS)
    assert ask("pull", model="whisper/mine").result()["location"] == str(cache)
    assert hub.requests == []

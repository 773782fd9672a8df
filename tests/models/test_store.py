"""The store of models on real files: manifests good and bad, places, locks between processes, removal."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace as replace_known
from pathlib import Path
from typing import Any

import pytest
from hushd_models import catalogue, hf_cache, inventory, manifest, removal, weights
from hushd_models.catalogue import Files, Known
from hushd_models.manifest import BadManifest, File, Manifest, Source
from hushd_models.store import Store, lock_shared, replace
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.descriptors import open_descriptors, settled_descriptors
from support.refusals import hushd_error

MODEL = "faster-whisper/mine"
NAMES = ("model.bin", "config.json", "tokenizer.json")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; the user's own models, caches and state are out of sight."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return Store(paths.find())


def described(folder: Path, names: tuple[str, ...]) -> dict[str, File]:
    return {n: File(len(data := (folder / n).read_bytes()), hashlib.sha256(data).hexdigest()) for n in names}


def bring(store: Store, model: str = MODEL, names: tuple[str, ...] = NAMES, location: str = "") -> Manifest:
    """A model of files with some content, and its manifest, as a pull leaves them."""
    engine, name = manifest.split(model)
    folder = store.folder / engine / (location or name)
    for file in names:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(f"{model} {file}".encode() * 1000)
    kept = described(folder, names)
    found = Manifest(engine, name, "stt", Source("url", "http://x"), kept, location or name, licence="MIT")
    store.write(found)
    return found


def in_hub(repository: str, commit: str, contents: dict[str, bytes], *, main: bool = True) -> Path:
    """Files as the hub's library keeps them; returns the snapshot."""
    folder = hf_cache.repository_folder(repository)
    snapshot = folder / "snapshots" / commit
    for name, content in contents.items():
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(os.path.relpath(blob, (snapshot / name).parent))
    if main:
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / "main").write_text(commit)
    return snapshot


def all_files(*folders: Path) -> set[str]:
    return {str(path) for folder in folders for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


# --- manifests -------------------------------------------------------------------------------------------------------


def good() -> dict[str, Any]:
    found = Manifest("whisper", "base", "stt", Source("url", "http://x"), {"base.pt": File(3, "a" * 64)}, ".")
    content: dict[str, Any] = json.loads(manifest.dumps(found))
    return content


def test_a_manifest_is_read_as_it_was_written() -> None:
    """A manifest may have every field, several files, folders in their names, and letters of all kinds."""
    full = Manifest(
        "onnx-asr", "a.b+c_d-1", "stt",
        Source("url", "whisper/båse", "r", "b" * 64),
        {"x/y é.onnx": File(0, "0" * 64), "z": File(2**40, "f" * 64)},
        "/cache/snap shots/é", "onnx-int8", "MIT",
    )  # fmt: skip
    for found in (full, manifest.loads(json.dumps(good()))):
        assert manifest.loads(manifest.dumps(found)) == found
    assert (full.model, full.size) == ("onnx-asr/a.b+c_d-1", 2**40)


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "../x"}, {"name": "a/b"}, {"licence": 7, "files": 3}, {"source": "hub"},
        {"source": {"kind": "magic", "place": "x"}}, {"source": {"kind": "hub"}}, {"files": {}}, {"files": ["a"]},
        {"files": {"a": {"size": True, "sha256": "a" * 64}}}, {"files": {"a": {"size": 1, "sha256": "A" * 64}}},
        {"files": {"a": {"size": 1}}},
    ],
)  # fmt: skip
def test_a_manifest_that_makes_no_sense(change: dict[str, Any]) -> None:
    """It is refused, and a key of a later version is not."""
    with pytest.raises(BadManifest):
        manifest.loads(json.dumps(good() | change))
    assert manifest.loads(json.dumps(good() | {"later": 1}))


@pytest.mark.parametrize(
    "name",
    ["base", "whisper", "/x", "x/", "../x", "x/..", "x/../y", "a/b/c", "a/.b", "a b/c", "a/b\0", "a/b\n", "å/b",
     "a/" + "b" * 65, "a/b.hushd.json", "a/b.part", "a/b.lock", ""],
)  # fmt: skip
def test_names_that_are_none(store: Store, name: str) -> None:
    """They are refused before they are made a path of."""
    for act in (store.find, store.place, store.manifest_path, store.workplace, manifest.split):
        with hushd_error("bad_request"):
            act(name)  # type: ignore[operator]


# --- the store -------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_found(store: Store) -> None:
    """A model is found by its name and in the list; its location is where its files are, inside the models folder or
    anywhere."""
    assert store.kept() == {}
    assert store.find(MODEL) is None
    found = bring(store)
    flat = bring(store, "whisper/base", ("base.pt",), ".")
    assert store.find(MODEL) == found
    assert store.kept() == {MODEL: found, "whisper/base": flat}
    assert store.kept("whisper") == {"whisper/base": flat}
    assert store.location(found) == store.place(MODEL)
    assert (store.location(flat) / "base.pt").is_file()
    assert store.missing(found) == []
    (store.place(MODEL) / "model.bin").write_bytes(b"half")
    (store.place(MODEL) / "config.json").unlink()
    assert sorted(store.missing(found)) == ["config.json", "model.bin"]


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b"\xff\xfe", b"[" * 5000])
def test_a_damaged_manifest_is_one_sentence(store: Store, damage: bytes) -> None:
    """A sentence names the file and how to get the model anew; the other models are listed all the same."""
    bring(store)
    whole = bring(store, "whisper/base", ("base.pt",), ".")
    store.manifest_path(MODEL).write_bytes(damage)
    with hushd_error("model_missing", f"mine.hushd.json .*`hushd models pull {MODEL}`"):
        store.find(MODEL)
    kept = store.kept()
    assert isinstance(kept[MODEL], HushdError)
    assert kept["whisper/base"] == whole


def test_a_manifest_is_that_of_its_name(store: Store) -> None:
    """Another model's, and one that cannot be read, are told; a link to nowhere and another kind of name are not."""
    bring(store, "whisper/base", ("base.pt",), ".")
    base, folder = store.manifest_path("whisper/base"), store.folder / "whisper"
    base.rename(folder / "tiny.hushd.json")
    base.mkdir()
    (folder / "gone.hushd.json").symlink_to("nowhere")
    (folder / "a b.hushd.json").write_text("{}")
    assert {name: str(why) for name, why in store.kept().items()} == {
        f"whisper/{name}": f"{folder}/{name}.hushd.json {why}: `hushd models pull whisper/{name}` gets the model again."
        for name, why in (("base", "cannot be read (Is a directory)"), ("tiny", "is that of whisper/base"))
    }


def test_a_download_goes_on_and_one_of_another_source_begins_anew(store: Store) -> None:
    """The working folder names the source; a damaged one names none."""
    work = store.begin("whisper/tiny", Source("url", "x"))
    (work / "half").touch()
    assert (store.begin("whisper/tiny", Source("url", "x")) / "half").exists()
    assert (store.begun("whisper/tiny"), store.unfinished()) == (Source("url", "x"), ["whisper/tiny"])
    assert not (store.begin("whisper/tiny", Source("url", "x", "new")) / "half").exists()
    (work / "source.json").write_text('{"kind": 1, "more": 2}')
    assert store.begun("whisper/tiny") is None
    assert (store.unfinished("whisper"), store.unfinished("kokoro")) == (["whisper/tiny"], [])


def test_a_lock_that_its_holder_has_removed_is_made_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third may have made another file of that name meanwhile; no descriptor is left open."""
    file, calls = store.folder / "whisper" / ".base.lock", []

    def late(descriptor: int, how: int) -> None:
        calls.append(how)
        if len(calls) < 3:
            file.rename(file.with_suffix(f".old{len(calls)}"))
        if len(calls) == 2:
            file.touch()

    monkeypatch.setattr(fcntl, "flock", late)
    before = settled_descriptors()
    with store.lock("whisper/base") as ours:
        assert ours
        assert file.exists()
    assert (len(calls), open_descriptors() <= before, file.exists()) == (3, True, False)


def test_what_is_written_is_whole_or_not_there(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle leaves the old file, and nothing beside it."""
    place = tmp_path / "file"
    replace(place, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with hushd_error("output_failed", "No space left"):
        replace(place, "new")
    assert (place.read_text(), all_files(tmp_path)) == ("old", {str(place)})


def test_a_folder_that_cannot_be_written(store: Store) -> None:
    """The error is a sentence with the variable that names another."""
    store.folder.parent.mkdir(exist_ok=True)
    store.folder.write_text("no folder")
    for act in (lambda: store.begin(MODEL, Source("url", "x")), lambda: store.lock(MODEL).__enter__()):
        with hushd_error("output_failed", "HUSHD_MODELS_DIR"):
            act()
    assert store.kept() == {}
    assert store.find(MODEL) is None


LOCKED = """
import sys
from hushd_protocol.system import paths
from hushd_models.store import Store
store = Store(paths.find())
with store.lock("whisper/base", wait=sys.argv[1] == "wait") as ours:
    print("ours" if ours else "busy", flush=True)
    if ours:
        sys.stdin.read()
"""


@pytest.fixture
def other(store: Store) -> Callable[..., subprocess.Popen[str]]:
    """Starts a process that wants the lock of whisper/base, and holds it until its input ends."""

    def start(how: str = "try") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", LOCKED, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    return start


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_one_process_works_on_a_model(store: Store, other: Callable[..., subprocess.Popen[str]]) -> None:
    """A process that may not wait gets an error; one that waits gets the model when the other is done or killed."""
    first = other()
    assert said(first) == "ours"
    with store.lock("whisper/base", wait=False) as ours:
        assert not ours
    with store.lock("whisper/tiny", wait=False) as ours:
        assert ours
    second = other("wait")
    first.communicate("", timeout=60)
    assert said(second) == "ours"
    third = other("wait")
    second.kill()
    second.communicate(timeout=60)
    assert said(third) == "ours"
    third.communicate("", timeout=60)
    assert not list(store.folder.glob("*/.*.lock"))


# --- the inventory ---------------------------------------------------------------------------------------------------


def rows(store: Store) -> dict[str, inventory.Row]:
    return {row.model: row for row in inventory.rows(store)}


def test_nothing_is_here(store: Store) -> None:
    """A fresh machine has embedded models at most, and all the rest is known."""
    every = rows(store)
    assert {row.state for row in every.values()} <= {"absent", "embedded", "installed"}
    assert all(row.origin in ("package", "system") for row in every.values() if row.usable)
    assert every["whisper/base"].state == "absent"
    assert len(every) > 60


def test_where_models_come_from(store: Store, tmp_path: Path) -> None:
    """Pulled, in the hub's cache, in a package's cache, put there by hand under a known name or another: each is found,
    with its size and its path."""
    bring(store)
    snapshot = in_hub("Systran/faster-whisper-base", "c0ffee", {name: name.encode() * 9 for name in NAMES})
    cached = tmp_path / "cache" / "whisper" / "tiny.pt"
    cached.parent.mkdir()
    cached.write_bytes(b"x" * 50)
    (store.folder / "whisper").mkdir()
    (store.folder / "whisper" / "own.pt").write_bytes(b"y" * 60)
    (store.folder / "whisper" / "small.pt").write_bytes(b"z" * 70)
    (store.folder / "kokoro").mkdir()
    for file in ("kokoro-v1.0.onnx", "voices-v1.0.bin"):
        (store.folder / "kokoro" / file).write_bytes(b"0" * 5)
    (store.folder / "onnx-asr" / "mine").mkdir(parents=True)
    (store.folder / "onnx-asr" / "mine" / "model.onnx").write_bytes(b"1" * 8)
    every = rows(store)
    told = {name: (row.origin, row.size, row.path) for name, row in every.items() if row.state == "installed"}
    told = {name: row for name, row in told.items() if row[0] != "system"}
    kept = store.find(MODEL)
    assert kept
    assert told == {
        MODEL: ("hushd", kept.size, store.place(MODEL)),
        "faster-whisper/base": ("hub", 9 * sum(map(len, NAMES)), snapshot),
        "whisper/tiny": ("package", 50, cached),
        "whisper/small": ("user", 70, store.folder / "whisper" / "small.pt"),
        "whisper/own": ("user", 60, store.folder / "whisper" / "own.pt"),
        "kokoro/kokoro-v1.0": ("user", 10, store.folder / "kokoro"),
        "onnx-asr/mine": ("user", 8, store.folder / "onnx-asr" / "mine" / "model.onnx"),
    }
    (snapshot / "tokenizer.json").rename(snapshot / ".tokenizer.json")
    assert rows(store)["faster-whisper/base"].state == "absent"
    (store.folder / "onnx-asr" / "mine" / ".hidden.onnx").write_bytes(b"1" * 9)
    assert rows(store)["onnx-asr/mine"].size == 8


def test_what_is_not_whole(store: Store) -> None:
    """A missing file and a manifest that cannot be read are broken, an unfinished pull is half."""
    bring(store)
    bring(store, "whisper/base", ("base.pt",), ".")
    (store.place(MODEL) / "model.bin").unlink()
    store.manifest_path("whisper/base").write_text("{")
    store.begin("whisper/tiny", Source("url", "x"))
    every = rows(store)
    assert [every[m].state for m in (MODEL, "whisper/base", "whisper/tiny")] == ["broken", "broken", "half"]
    assert "model.bin is missing or has changed" in every[MODEL].problem
    assert "is not JSON" in every["whisper/base"].problem


def test_folders_tell_their_files(tmp_path: Path) -> None:
    """They tell those of folders inside where they are asked for; no hidden file, and nothing behind a link to a
    folder."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a", "in/b", "in/deep/c", ".hidden", "in/.hidden"):
        (tmp_path / name).write_bytes(name.encode())
    for link, target in (("file", "a"), ("folder", "in"), ("dangling", "gone"), ("self", "self")):
        (tmp_path / link).symlink_to(target)
    assert weights.files_in(tmp_path) == {"a": 1, "file": 1, "in/b": 4, "in/deep/c": 9}
    assert weights.files_in(tmp_path, deep=False) == {"a": 1, "file": 1}
    assert weights.files_in(tmp_path / "gone") == {}


def test_a_row_for_programs(store: Store) -> None:
    """The user's own model has what its files tell, an absent one what the catalogue says."""
    for name in ("mine/a.onnx", "mine/b.onnx", "not a name/a.onnx"):
        (store.folder / "onnx-asr" / name).parent.mkdir(parents=True, exist_ok=True)
        (store.folder / "onnx-asr" / name).write_bytes(b"x" * 260_000)
    own = [row for row in inventory.rows(store) if row.origin == "user"]
    assert [row.as_json() for row in own] == [
        {
            "name": "onnx-asr/mine", "role": "stt", "state": "installed", "origin": "user", "size_mb": 0.5,
            "memory_mb": own[0].memory_mb, "languages": [], "licence": "", "speed": "", "word_errors": {},
            "word_errors_source": "", "path": str(store.folder / "onnx-asr" / "mine"), "problem": "", "aliases": [],
        }
    ]  # fmt: skip
    assert own[0].memory_mb == catalogue.memory_of_files("onnx-asr", {"a.onnx": 260_000, "b.onnx": 260_000}) > 0
    absent = inventory.row(store, "whisper/turbo").as_json()
    assert [absent[key] for key in ("name", "size_mb", "memory_mb", "speed", "aliases", "path", "licence")] == [
        "whisper/large-v3-turbo", 1618, 3820, "slow", ["turbo"], "", "MIT",
    ]  # fmt: skip
    assert (absent["word_errors"]["en"], len(absent["languages"])) == (2.01, 100)


@pytest.mark.parametrize(("known", "state", "origin", "folder"), [
    ({"package": "json"}, "embedded", "package", Path(json.__file__).parent),
    ({"package": "hashlib"}, "embedded", "package", None),
    ({"package": "not_here"}, "absent", "", None),
    ({"system": ("/gone*", "/dev/nul?")}, "installed", "system", None),
    ({"system": ("/gone*",)}, "absent", "", None),
])  # fmt: skip
def test_a_model_comes_with_a_package_or_the_system(
    store: Store, known: dict[str, Any], state: str, origin: str, folder: Path | None
) -> None:
    """It is here if that is installed, which may have a folder."""
    entry = Known("e", "m", "stt", **known)
    row = inventory._row(store, inventory._Look(store), "e/m", entry, None, False)
    assert row == inventory.Row("e/m", "stt", state, origin, folder, known=entry)


@pytest.mark.parametrize(("asked", "code", "words"), [
    ("kokoro-v1", "model_missing", "There is no model 'kokoro-v1': did you mean kokoro/kokoro-v1.0?"),
    ("base", "model_missing", "There is no model 'base': say which, faster-whisper/base or whisper/base."),
    ("near/x", "model_missing", "There is no model 'near/x': `hushd models list` shows them."),
    ("far/x", "engine_missing", "far takes a plugin"),
    ("whisper/bas", "model_missing", "There is no model 'whisper/bas': did you mean whisper/base?"),
    ("../../etc/x", "model_missing", "There is no model '../../etc/x': `hushd models list` shows them."),
    ("a\nb", "model_missing", "There is no model 'a\\nb': `hushd models list` shows them."),
    ("", "model_missing", "There is no model '': `hushd models list` shows them."),
])  # fmt: skip
def test_a_model_that_there_is_not(
    store: Store, asked: str, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names one that was meant, all that may be meant, or what the engine takes; a name alone does where
    one engine has it."""
    monkeypatch.setattr(inventory, "engine_needed", lambda engine: "far takes a plugin" if engine == "far" else "")
    with hushd_error(code, said=words):
        inventory.row(store, asked)
    assert inventory.row(store, "kokoro-v1.0").model == "kokoro/kokoro-v1.0"


# --- removal ---------------------------------------------------------------------------------------------------------


def test_a_model_is_removed_with_all_that_is_its_own(store: Store) -> None:
    """Files, folder and manifest; what lies beside it stays."""
    bring(store)
    bring(store, "faster-whisper/other")
    before = all_files(store.folder)
    removed = removal.remove(store, MODEL)
    assert removed.size == sum(len(f"{MODEL} {name}") * 1000 for name in NAMES)
    assert before - all_files(store.folder) == {
        *(str(store.place(MODEL) / name) for name in NAMES),
        str(store.manifest_path(MODEL)),
    }
    assert not store.place(MODEL).exists()
    with pytest.raises(HushdError, match="There is no model"):
        inventory.row(store, MODEL)


def test_shared_files_stay(store: Store) -> None:
    """Kokoro's models have one file of voices: it goes with the last of them."""
    for name in ("kokoro-v1.0", "kokoro-v1.0.int8"):
        bring(store, f"kokoro/{name}", (f"{name}.onnx", "voices-v1.0.bin"), ".")
    first = removal.remove(store, "kokoro/kokoro-v1.0")
    assert first.spared == 1
    assert (store.folder / "kokoro" / "voices-v1.0.bin").is_file()
    removal.remove(store, "kokoro/kokoro-v1.0.int8")
    assert all_files(store.folder) == set()


def test_what_is_in_the_hubs_cache(store: Store) -> None:
    """A blob goes when no snapshot has it any more, and the repository's folder with the last one; another
    repository is not touched."""
    contents = {name: name.encode() * 99 for name in NAMES}
    other = in_hub("Systran/faster-whisper-tiny", "beef", contents)
    in_hub("Systran/faster-whisper-base", "old", {"model.bin": contents["model.bin"]}, main=False)
    in_hub("Systran/faster-whisper-base", "new", contents)
    refs = hf_cache.repository_folder("Systran/faster-whisper-base") / "refs"
    (refs / "pr").mkdir()
    (refs / "pr" / "1").write_text("new\n")
    (refs / "v1").write_text("old")
    untouched = all_files(hf_cache.repository_folder("Systran/faster-whisper-tiny"))
    row = inventory.row(store, "faster-whisper/base")
    assert (row.origin, row.state) == ("hub", "installed")
    removed = removal.remove(store, row.model)
    folder = hf_cache.repository_folder("Systran/faster-whisper-base")
    assert removed.size == 99 * sum(len(name) for name in NAMES if name != "model.bin")
    assert [path.name for path in (folder / "snapshots").iterdir()] == ["old"]
    assert (folder / "snapshots" / "old" / "model.bin").read_bytes() == contents["model.bin"]
    assert [ref.name for ref in refs.rglob("*") if ref.is_file()] == ["v1"]
    assert all_files(hf_cache.repository_folder("Systran/faster-whisper-tiny")) == untouched
    removal.remove(store, "faster-whisper/tiny")
    assert not other.parent.parent.exists()


@pytest.mark.parametrize(("engine", "file"), [("whisper", "own.pt"), ("onnx-asr", "own/model.onnx")])
def test_links_are_removed_and_not_followed(store: Store, tmp_path: Path, engine: str, file: str) -> None:
    """A file or a folder that the user has linked into the models folder: the link goes, what it leads to stays."""
    elsewhere = tmp_path / "elsewhere" / file
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_bytes(b"x" * 100)
    (store.folder / engine).mkdir(parents=True)
    own = file.partition("/")[0]
    (store.folder / engine / own).symlink_to(tmp_path / "elsewhere" / own)
    assert removal.remove(store, f"{engine}/own") == removal.Removed(f"{engine}/own", 0)
    assert all_files(store.folder, tmp_path / "elsewhere") == {str(elsewhere)}


@pytest.mark.parametrize("way", ["a folder that is a link", "another program's cache"])
def test_nothing_outside_the_places_of_models_is_removed(store: Store, tmp_path: Path, way: str) -> None:
    """A manifest that leads elsewhere, by a link inside its folder or by its location, costs nobody a file."""
    elsewhere = paths.user_cache() / "browser" if "cache" in way else tmp_path / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / "model.onnx").write_bytes(b"x" * 100)
    location, name = str(elsewhere), "model.onnx"
    if "link" in way:
        store.place("onnx-asr/own").mkdir(parents=True)
        (store.place("onnx-asr/own") / "sub").symlink_to(elsewhere)
        location, name = "own", "sub/model.onnx"
    files = {name: File(100, hashlib.sha256(b"x" * 100).hexdigest())}
    store.write(Manifest("onnx-asr", "own", "stt", Source("url", "http://x"), files, location))
    removal.remove(store, "onnx-asr/own")
    assert (elsewhere / "model.onnx").is_file()
    assert store.kept() == {}


def test_what_cannot_be_removed(
    store: Store, other: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is not here, comes with a package or is being pulled is not removed, and nothing has changed."""
    bring(store, "whisper/base", ("base.pt",), ".")
    before = all_files(store.folder)
    holder = other()
    assert said(holder) == "ours"
    for model, code in (("whisper/tiny", "model_missing"), ("whisper/base", "server_busy")):
        with hushd_error(code):
            removal.remove(store, model)
    embedded = inventory.Row("hibari/en", "tts", "embedded", "package")
    with monkeypatch.context() as patch:
        patch.setattr(inventory, "row", lambda *_: embedded)
        with pytest.raises(HushdError, match="comes with its engine's package"):
            removal.remove(store, "hibari/en")
    holder.communicate("", timeout=60)
    assert all_files(store.folder) == before


CTC, RNNT = "onnx-asr/nemo-fastconformer-ru-ctc", "onnx-asr/nemo-fastconformer-ru-rnnt"  # of one repository
RUSSIAN = "istupakov/stt_ru_fastconformer_hybrid_large_pc_onnx"
OF_CTC = {"model.int8.onnx": b"ctc" * 100, "vocab.txt": b"words" * 100}
OF_RNNT = {"encoder-model.int8.onnx": b"encoder" * 100, "decoder_joint-model.int8.onnx": b"joint" * 100}


def blobs_of(repository: str) -> Path:
    folder = hf_cache.repository_folder(repository) / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def half(store: Store, model: str, *blobs: str) -> None:
    """A pull of a model of the repository of Russian ones that was broken off."""
    store.begin(model, Source("hub", RUSSIAN))
    store.note_blobs(model, blobs)


def test_an_unfinished_model_is_removed_with_its_blobs(store: Store) -> None:
    """Its blobs go, half and whole, also those of an earlier try, but none that a snapshot has; what other programs
    bring stays."""
    snapshot = in_hub(RUSSIAN, "c0ffee", {"README.md": b"m"})
    linked = (snapshot / "README.md").resolve().name
    blobs = blobs_of(RUSSIAN)
    half(store, CTC, "a", "earlier")
    half(store, CTC, "a", "whole", linked)
    kept = {*blobs.iterdir(), blobs / "a.incomplete", blobs / "theirs"}
    sizes = {"a.hushd.incomplete": 10, "a.incomplete": 100, "whole": 5, "theirs": 50, "earlier.hushd.incomplete": 1}
    for name, size in sizes.items():
        (blobs / name).write_bytes(bytes(size))
    begun = sum(path.stat().st_size for path in store.workplace(CTC).iterdir())
    removed = removal.remove(store, CTC)
    assert (removed.what, removed.size, removed.spared) == (CTC, 16 + begun, 0)
    assert ({*blobs.iterdir()}, store.unfinished()) == (kept, [])
    assert (snapshot / "README.md").read_bytes() == b"m"


@pytest.mark.parametrize("removed", ["half", "installed"])
def test_the_begun_download_of_another_model_of_the_repository_stays(store: Store, removed: str) -> None:
    """A file that it shares with the removed model stays, too; the rest of that goes."""
    shared, own = (hashlib.sha256(OF_CTC[name]).hexdigest() for name in ("vocab.txt", "model.int8.onnx"))
    if removed == "half":
        half(store, CTC, shared, own)
        for name in (shared, own):
            (blobs_of(RUSSIAN) / name).write_bytes(b"x")
    else:
        in_hub(RUSSIAN, "c0ffee", OF_CTC)
    half(store, RNNT, shared, "b", "c")
    (blobs_of(RUSSIAN) / "b.hushd.incomplete").write_bytes(b"begun")
    (blobs_of(RUSSIAN) / "c").write_bytes(b"whole")
    removal.remove(store, CTC)
    assert {path.name for path in blobs_of(RUSSIAN).iterdir()} == {shared, "b.hushd.incomplete", "c"}
    assert store.unfinished() == [RNNT]
    removal.remove(store, RNNT)
    assert not hf_cache.repository_folder(RUSSIAN).exists()


def test_files_that_a_model_of_another_program_needs_stay(store: Store) -> None:
    """Two models of a repository, which Hugging Face's library has brought: the shared file goes with the second."""
    snapshot = in_hub(RUSSIAN, "c0ffee", OF_CTC | OF_RNNT)
    assert removal.remove(store, CTC).spared == 1
    assert inventory.row(store, RNNT).usable
    assert {path.name for path in snapshot.iterdir()} == {*OF_RNNT, "vocab.txt"}
    assert removal.remove(store, RNNT).spared == 0
    assert not hf_cache.repository_folder(RUSSIAN).exists()


def test_a_model_that_hushd_has_pulled_stays_whatever_else_needs_its_files(store: Store) -> None:
    """All files of one that was pulled may be among those of the removed one: its manifest says that it was wanted."""
    pulled = bring(store, "piper/small", ("voice.onnx", "voice.onnx.json"), location=".")
    large = bring(store, "piper/large", ("voice.onnx", "voice.onnx.json", "more.bin"), location=".")
    assert removal.remove(store, large.model).spared == 2
    assert inventory.row(store, pulled.model).usable


def test_a_model_whose_name_goes_on_where_another_ends_stays(store: Store) -> None:
    """Each file of the user's own models belongs to the longest name with which it begins."""
    (folder := store.folder / "whisper").mkdir(parents=True)
    for name in ("mine.pt", "mine.json", "mine.big.pt", "mine.big.json"):
        (folder / name).write_bytes(b"x" * 10)
    assert removal.remove(store, "whisper/mine").size == 20
    assert {path.name for path in folder.iterdir()} == {"mine.big.pt", "mine.big.json"}
    assert inventory.row(store, "whisper/mine.big").size == 20


def test_a_part_of_the_removed_model_is_no_other_model(store: Store) -> None:
    """Files that would make another model, too, but of which it has none of its own, do not keep those of the removed
    one."""
    entry = replace_known(catalogue.models()["faster-whisper/base"], name="part", files=(Files(("model.bin",)),))
    models = catalogue.well_known(catalogue.engines()["faster-whisper"])
    in_hub("Systran/faster-whisper-base", "c0ffee", {name: name.encode() for name in (*NAMES, "vocabulary.txt")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models, "faster-whisper/part", entry)
        assert inventory.row(store, "faster-whisper/part").usable
        assert removal.remove(store, "faster-whisper/base").spared == 0
    assert not hf_cache.repository_folder("Systran/faster-whisper-base").exists()


@pytest.mark.parametrize("state", ["half", "installed"])
def test_nothing_is_removed_while_another_model_of_the_repository_is_pulled(store: Store, state: str) -> None:
    """The sentence says why; all is as before, and the pull may go on."""
    in_hub(RUSSIAN, "c0ffee", OF_CTC if state == "installed" else {"README.md": b"m"})
    if state == "half":
        half(store, CTC, "a")
        (blobs_of(RUSSIAN) / "a").write_bytes(b"x")
    before = all_files(store.folder, hf_cache.cache())
    with lock_shared(hf_cache.repository_folder(RUSSIAN)), hushd_error("server_busy", "is being pulled: try again"):
        removal.remove(store, CTC)
    assert all_files(store.folder, hf_cache.cache()) == before


def test_a_model_is_looked_at_again_when_it_is_locked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull that ends between the look and the lock: its files are removed, as those of an installed model."""
    half(store, CTC, "a")
    lock = store.lock

    def ended(model: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        snapshot = in_hub(RUSSIAN, "c0ffee", OF_CTC)
        files = described(snapshot, tuple(OF_CTC))
        store.write(Manifest(*CTC.split("/"), "stt", Source("hub", RUSSIAN), files, str(snapshot)))
        return lock(model, wait=wait)

    monkeypatch.setattr(store, "lock", ended)
    assert removal.remove(store, CTC).size == 800
    assert all_files(store.folder, hf_cache.cache()) == set()


def test_a_repository_that_another_program_begins_meanwhile_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first file comes after the look whether any is there."""
    in_hub(RUSSIAN, "c0ffee", OF_CTC)
    rmdir = os.rmdir

    def begun(folder: Any, **options: Any) -> None:
        if Path(folder).name == "blobs":
            (Path(folder) / "theirs.incomplete").write_bytes(b"x")
        rmdir(folder, **options)

    monkeypatch.setattr(os, "rmdir", begun)
    removal.remove(store, CTC)
    assert [path.name for path in blobs_of(RUSSIAN).iterdir()] == ["theirs.incomplete"]


def test_what_is_broken_is_removed(store: Store, tmp_path: Path) -> None:
    """A manifest without files, files of which one is missing, and a working folder that leads elsewhere."""
    bring(store)
    (store.place(MODEL) / "model.bin").unlink()
    (store.folder / "whisper").mkdir()
    store.manifest_path("whisper/base").write_text("{")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"x" * 100)
    store.workplace("whisper/tiny").symlink_to(tmp_path / "elsewhere")
    store.workplace("whisper/small").touch()
    row = inventory.row(store, "whisper/base")
    assert (row.state, row.origin, row.folder, row.role) == ("broken", "hushd", None, "stt")
    sizes = {MODEL: sum(len(f"{MODEL} {name}") * 1000 for name in NAMES[1:])}
    for model in (MODEL, "whisper/base", "whisper/tiny", "whisper/small"):
        removed = removal.remove(store, model)
        assert removed == removal.Removed(model, sizes.get(model, 0))
    assert all_files(store.folder) == set()
    assert (tmp_path / "elsewhere" / "file").is_file()


@pytest.mark.parametrize(
    ("error", "why"),
    [(OSError(13, "Permission denied", "/x"), "Permission denied (/x)."), (OSError(5, "Input error"), "Input error.")],
)
def test_a_file_that_cannot_be_removed_is_named(
    store: Store, error: OSError, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence for the model names it."""
    store.begin("whisper/tiny", Source("url", "x"))
    monkeypatch.setattr("shutil.rmtree", lambda folder: (_ for _ in ()).throw(error))
    with hushd_error("output_failed", said=f"whisper/tiny cannot be removed: {why}"):
        removal.remove(store, "whisper/tiny")


@pytest.mark.parametrize(("names", "language", "heard", "read"), [
    (("base", "mine"), None, True, 0),
    (("base", "mine"), "fr", True, 0),
    (("mine",), None, False, 1),
    (("mine",), "fr", True, 1),
    (("mine",), "ca", False, 1),
])  # fmt: skip
def test_what_hears_a_language_is_found_by_the_catalogue_first(
    store: Store, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], language: str | None, heard: bool, read: int
) -> None:
    """The file of the user's own model, which may be large, is read only where no well-known model hears it."""
    reads: list[object] = []

    def languages(*asked: object) -> tuple[str, ...]:
        reads.append(asked)
        return ("fr",)

    monkeypatch.setattr(catalogue, "languages_of_files", languages)
    monkeypatch.setattr(inventory, "engine_installed", lambda spec: spec.name == "faster-whisper")
    for name in names:
        (folder := store.folder / "faster-whisper" / name).mkdir(parents=True)
        for file in NAMES:
            (folder / file).write_bytes(b"x")
    assert inventory.serves(store, "stt", language) == heard
    assert len(reads) == read

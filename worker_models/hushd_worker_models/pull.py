"""Getting a model: where from, whether there is room, its files, and last of all its manifest.

A model of the hub goes into Hugging Face's cache, where other programs find it too, unless its engine wants single
files; everything else goes into hushd's models folder, made in a workplace beside its place.
"""

from __future__ import annotations

import os
import shutil
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from hushd_protocol import catalogue, hub, verification
from hushd_protocol.catalogue import Known
from hushd_protocol.errors import HushdError
from hushd_protocol.manifest import File, Manifest, Source
from hushd_protocol.store import Store

from .fetch import Fetch, Wanted, unwritable
from .hugging_face import Cache, Commit, HubFile, endpoint, look_up, token
from .undertaking import Undertaking
from .web import Web, host, total

AT_ONCE = 4  # files; one connection each
SPARE = 64_000_000  # bytes that a pull leaves free
LOCKED_S = 0.5  # before another look whether another program is done with the model
FORMATS = {"whisper": "openai-whisper", "faster-whisper": "ctranslate2", "chatterbox": "safetensors"}
ONNX = "onnx"  # the format of all other engines' models


class Pull:
    """The pull of one model."""

    def __init__(self, known: Known, store: Store, under: Undertaking) -> None:
        self._known = known
        self._store = store
        self._under = under
        self._engine = catalogue.engines()[known.engine]
        self._web = Web(under.wait, endpoint(), token())

    def run(self) -> Manifest:
        """Brings it here. What is here already, whole, is not asked for again.

        Raises:
            HushdError: `model_missing` when it cannot be had, and how to get it otherwise; `output_failed` when there
                is no room, or no right to write.
        """
        known = self._known
        if known.kind not in ("hub", "url"):
            raise HushdError("model_missing", f"{known.model} is not pulled: {known.install}.")
        while True:
            with self._store.lock(known.model, wait=False) as ours:
                if ours:
                    return self._here() or (self._from_hub() if known.kind == "hub" else self._from_url())
            self._under.say("waiting for another program that is at it")
            self._under.wait(LOCKED_S)

    def _here(self) -> Manifest | None:
        """What an earlier pull has brought, if all of it is still there and as it was."""
        try:
            found = self._store.find(self._known.model)
        except HushdError:
            return None  # damaged: it is made anew
        if found is None or self._store.missing(found):
            return None
        self._under.total = found.size
        location = self._store.location(found)
        self._under.say("checking what is here")
        for name, file in found.files.items():
            if self._hash(location / name) != file.sha256:
                (location / name).resolve().unlink(missing_ok=True)
                self._under.done = self._under.total = 0
                return None
        return found

    # --- Hugging Face's hub ------------------------------------------------------------------------------------------

    def _from_hub(self) -> Manifest:
        known, cache = self._known, Cache(self._known.repository)
        if hub.offline():
            commit = self._chosen(cache.known(known.revision))
            if commit is None or self._engine.flat:
                raise HushdError(
                    "model_missing",
                    f"{known.model} cannot be pulled while HF_HUB_OFFLINE is set, and {cache.folder} does not have it.",
                )
        else:
            self._under.say(f"asking {host(endpoint())} for {known.repository}")
            commit = self._chosen(found := look_up(self._web, known.repository, known.revision))
            if commit is None:
                raise HushdError(
                    "model_missing",
                    f"The repository {found.repository} does not have the files of {known.model} any more: name "
                    f'those it has in [models."{known.model}"] of your configuration.',
                )
        source = Source("hub", commit.repository, commit.id)
        if self._engine.flat:
            work = self._store.begin(known.model, replace(source, revision=""))
            wanted = [
                replace(w, target=work / f.blob, part=work / f"{f.blob}.part") for f, w in self._wanted(cache, commit)
            ]
            names = {file.blob: PurePosixPath(file.name).name for file in commit.files}
            hashes = self._fetch(wanted, work)
            return self._settle(work, {names[w.target.name]: w.target for w in wanted}, source, hashes)
        try:
            cache.prepare()
            hashes = self._fetch([wanted for _, wanted in self._wanted(cache, commit)], cache.folder)
            snapshot = cache.publish(commit, known.revision)
        except OSError as error:
            raise unwritable(cache.folder, error) from error
        files = {file.name: File(file.size, hashes[wanted.target]) for file, wanted in self._wanted(cache, commit)}
        return self._write(source, files, str(snapshot))

    def _chosen(self, commit: Commit | None) -> Commit | None:
        """`commit` with the model's files only; None where it lacks some."""
        if commit is None or (names := self._known.choose(file.name for file in commit.files)) is None:
            return None
        return replace(commit, files=tuple(file for file in commit.files if file.name in names))

    def _wanted(self, cache: Cache, commit: Commit) -> list[tuple[HubFile, Wanted]]:
        return [(file, cache.wanted(commit, file)) for file in commit.files]

    # --- other servers -----------------------------------------------------------------------------------------------

    def _from_url(self) -> Manifest:
        known = self._known
        source = Source("url", known.url)
        (names,) = (files.needed for files in known.files[:1])
        if adopted := self._adopted(names, source):
            return adopted
        if hub.offline():
            raise HushdError("model_missing", f"{known.model} cannot be pulled while HF_HUB_OFFLINE is set.")
        work = self._store.begin(known.model, source)
        self._under.say(f"asking {host(known.url)}")
        wanted = [self._at(f"{known.url}/{urllib.parse.quote(name)}", name, work) for name in names]
        hashes = self._fetch(wanted, work)
        return self._settle(work, {w.target.name: w.target for w in wanted}, source, hashes)

    def _at(self, url: str, name: str, work: Path) -> Wanted:
        known_hash = self._known.sha256.get(name, "")
        target = work / PurePosixPath(name).name
        headers = self._web.head(url)
        etag = headers.get("ETag", "")
        # The name says which content it is a part of: when that changes on the server, another file is begun.
        content = (
            known_hash or sha256(f"{url} {etag} {headers.get('Last-Modified')} {total(headers)}".encode()).hexdigest()
        )
        part = work / f"{target.name}.{content[:16]}.part"
        for other in work.glob(f"{target.name}.*.part"):
            if other != part:
                other.unlink(missing_ok=True)
        return Wanted(url, target, part, total(headers), known_hash, condition=etag)

    def _adopted(self, names: Sequence[str], source: Source) -> Manifest | None:
        """The model where the engine's own package has put it, if its hashes are known and right."""
        if not self._engine.cache or not set(names) <= self._known.sha256.keys():
            return None
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / self._engine.cache
        if not all((folder / name).is_file() for name in names):
            return None
        self._under.say(f"checking what is in {folder}")
        self._under.total = sum((folder / name).stat().st_size for name in names)
        files = {name: File((folder / name).stat().st_size, self._hash(folder / name)) for name in names}
        if any(file.sha256 != self._known.sha256[name] for name, file in files.items()):
            self._under.done = self._under.total = 0
            return None
        return self._write(source, files, str(folder))

    # --- both --------------------------------------------------------------------------------------------------------

    def _fetch(self, wanted: Sequence[Wanted], folder: Path) -> dict[Path, str]:
        """Brings files to their targets, several at once; returns their hashes."""
        unique = list({one.target: one for one in wanted}.values())
        self._check_room(unique, folder)
        self._under.total = sum(one.size or 0 for one in wanted)
        self._under.say(f"downloading {self._known.model}")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            fetches = [Fetch(self._web, one, self._under.wait, self._under.add) for one in unique]
            # The largest first: what is left at the end is short.
            order = sorted(range(len(unique)), key=lambda n: -(unique[n].size or 0))
            running = {n: threads.submit(fetches[n].run) for n in order}
            try:
                return {unique[n].target: running[n].result() for n in order}
            except BaseException:
                for future in running.values():
                    future.cancel()
                for fetch in fetches:
                    fetch.stop()
                raise

    def _check_room(self, wanted: Sequence[Wanted], folder: Path) -> None:
        missing = sum((w.size or 0) - _size(w.part) for w in wanted if not w.target.exists())
        there = folder
        while not there.exists():
            there = there.parent
        free = shutil.disk_usage(there).free
        if missing + SPARE > free:
            variable = "HUSHD_MODELS_DIR" if self._store.folder in folder.parents else "HF_HUB_CACHE"
            raise HushdError(
                "output_failed",
                f"{self._known.model} needs {readable(missing)} more, and {there} has {readable(free)} free: make room "
                f"there, or set {variable} to another folder.",
            )

    def _settle(self, work: Path, made: Mapping[str, Path], source: Source, hashes: Mapping[Path, str]) -> Manifest:
        """Gives whole files their places in the models folder, and writes the manifest."""
        files = {name: File(path.stat().st_size, hashes[path]) for name, path in made.items()}
        place = self._store.place(self._known.model)
        try:
            if self._engine.flat:
                settle_files(made, place.parent)
                return self._write(source, files, ".")
            settle_folder(made, work, place)
        except OSError as error:
            raise unwritable(place, error) from error
        return self._write(source, files, place.name)

    def _write(self, source: Source, files: Mapping[str, File], location: str) -> Manifest:
        known = self._known
        manifest = Manifest(
            known.engine,
            known.name,
            known.role,
            source,
            files,
            location,
            FORMATS.get(known.engine, ONNX),
            "",
            known.licence,
        )
        self._store.write(manifest)
        return manifest

    def _hash(self, path: Path) -> str:
        def report(size: int) -> None:
            self._under.wait()
            self._under.add(size)

        return verification.sha256(path, report)


def settle_files(made: Mapping[str, Path], folder: Path) -> None:
    """Puts whole files into an engine's folder. What describes another file comes before it: it is nothing alone."""
    for name in sorted(made, key=lambda name: not name.endswith(".json")):
        _put(made[name], folder / name)


def settle_folder(made: Mapping[str, Path], work: Path, place: Path) -> None:
    """Makes a folder of whole files and puts it in the place of what is there."""
    whole, old = work / "whole", work / "old"
    for folder in (whole, old):
        shutil.rmtree(folder, ignore_errors=True)
    for name, path in made.items():
        (whole / name).parent.mkdir(parents=True, exist_ok=True)
        _put(path, whole / name)
    if place.exists():
        os.replace(place, old)
    os.replace(whole, place)


def _put(path: Path, place: Path) -> None:
    """Gives a file its place; it keeps the old one too, until the manifest is written, for who has to go on here."""
    temporary = place.with_name(f".hushd-{place.name}")
    try:
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
    except OSError:  # a file system without links
        os.replace(path, place)
    else:
        os.replace(temporary, place)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def readable(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"

"""Pulls a model: finds its source, checks for room, fetches its files, and writes its manifest last.

A model of the hub goes into Hugging Face's cache, where other programs find it too, unless its engine needs single
files; any other model is fetched into a working folder, and moved to its place in hushd's models folder.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from hushd_models import advice, hf_cache, removal
from hushd_models.catalogue import Known
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store, lock_shared
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable

from . import hub
from .fetch import Download, Fetch, unwritable
from .install import alone, check_room, finish, spec_of
from .task import Task
from .web import Headers, Web, host, total

FILES_AT_ONCE = 4  # files; one connection each


class Pull:
    def __init__(self, known: Known, store: Store, task: Task, access: hub.Access) -> None:
        self._known = known
        self._store = store
        self._task = task
        self._access = access
        self._engine = spec_of(known.model)
        in_cache = known.kind == "hub" and not self._engine.flat
        self._shared = hf_cache.repository_folder(known.repository) if in_cache else store.folder / known.engine
        self._web = Web(task.wait, access.endpoint, access.token)

    def run(self) -> Manifest:
        """Installs the model. It does not ask the source if all files are installed already.
        Raises `model_missing` if it cannot be fetched, with another way to get it; `output_failed` if there is too
        little room, or no permission to write."""
        known = self._known
        if known.kind not in ("hub", "url"):
            raise HushdError("model_missing", f"{known.model} is not a model to pull: {advice.command(known)}.")
        with alone(lambda: self._store.lock(known.model, wait=False), known.model, self._task):
            if here := self._here():
                return here
            if self._access.offline:
                raise HushdError("model_missing", f"{known.model} cannot be pulled while HF_HUB_OFFLINE is set.")
            return self._from_hub() if known.kind == "hub" else self._from_url()

    def _here(self) -> Manifest | None:
        """Returns the manifest of an earlier pull, if all its files still exist unchanged."""
        try:
            manifest = self._store.find(self._known.model)
        except HushdError:
            return None  # damaged: it will be replaced
        if manifest is None or self._store.missing(manifest):
            return None
        self._task.total = manifest.size
        self._task.note("checking installed files")
        for name, file in manifest.files.items():
            path = self._store.location(manifest) / name
            if self._hash(path) != file.sha256:
                with alone(lambda: lock_shared(self._shared, wait=False), str(self._shared), self._task):
                    if self._hash(path) != file.sha256:  # and another model's pull has not mended it meanwhile
                        removal.unlink(self._store, path.resolve()) or removal.unlink(self._store, path)
                self._task.done = self._task.total = 0
                return None
        return manifest

    def _hash(self, path: Path) -> str:
        """Returns the SHA-256 of a file, in hexadecimal; empty if it cannot be read."""
        digest = hashlib.sha256()
        try:
            with open(path, "rb", buffering=0) as file:
                while block := file.read(1 << 20):
                    self._task.wait()
                    digest.update(block)
                    self._task.add(len(block))
        except OSError:
            return ""
        return digest.hexdigest()

    # --- Hugging Face's hub ---

    def _from_hub(self) -> Manifest:
        known, folder = self._known, self._shared
        self._task.note(f"asking {host(self._access.endpoint)} for {known.repository}")
        commit = hub.look_up(self._access, known.repository, known.revision)
        names = known.choose(file.name for file in commit.files)
        if names is None:
            raise HushdError(
                "model_missing",
                f"The repository {known.repository} does not have the files of {known.model} any more: "
                "an update of hushd may know its present ones.",
            )
        commit = replace(commit, files=tuple(file for file in commit.files if file.name in names))
        source = Source("hub", commit.repository, commit.id)
        downloads = {file.name: hub.download(self._access, commit, file) for file in commit.files}
        work = self._store.begin(known.model, replace(source, revision=""))
        if self._engine.flat:
            inside = {
                PurePosixPath(name).name: replace(
                    download, target=work / download.target.name, part=work / f"{download.target.name}.part"
                )
                for name, download in downloads.items()
            }
            return self._bring(source, inside, work)
        try:
            self._store.note_blobs(known.model, [download.target.name for download in downloads.values()])
            with alone(lambda: lock_shared(folder, wait=False), known.repository, self._task):
                (folder / "blobs").mkdir(exist_ok=True)
                files = self._fetch(downloads, folder)
                snapshot = hub.publish(self._access, commit, known.revision)
                manifest = self._manifest(source, files, str(snapshot))
                self._store.write(manifest)
        except OSError as error:
            raise unwritable(folder, error) from error
        return manifest

    # --- other servers ---

    def _from_url(self) -> Manifest:
        known = self._known
        (names,) = (files.needed for files in known.files[:1])
        self._task.note(f"asking {host(known.url)}")
        headers = {name: self._web.headers(self._address(name)) for name in names}
        # A new download begins if the content changes on the server.
        contents = "".join(self._content(name, headers[name]) for name in names)
        source = Source("url", known.url, sha256=hashlib.sha256(contents.encode()).hexdigest())
        work = self._store.begin(known.model, source)
        return self._bring(source, {PurePosixPath(n).name: self._download(n, headers[n], work) for n in names}, work)

    def _address(self, name: str) -> str:
        return f"{self._known.url}/{urllib.parse.quote(name)}"

    def _content(self, name: str, headers: Headers) -> str:
        """Returns a fingerprint of a file from its server's headers, which changes when the file does."""
        seen = f"{self._address(name)} {headers.get('ETag', '')} {headers.get('Last-Modified')} {total(headers)}"
        return self._known.sha256.get(name) or seen

    def _download(self, name: str, headers: Headers, work: Path) -> Download:
        target, address, size = work / PurePosixPath(name).name, self._address(name), total(headers)
        if size is None:
            raise HushdError("model_missing", f"{host(address)} does not say how large {address} is.")
        part, digest = target.with_name(f"{target.name}.part"), self._known.sha256.get(name, "")
        return Download(address, target, part, size, digest)

    # --- both ---

    def _bring(self, source: Source, downloads: Mapping[str, Download], work: Path) -> Manifest:
        """Fetches files into the models folder."""
        files = self._fetch(downloads, work)
        made = {name: download.target for name, download in downloads.items()}
        return finish(self._store, self._manifest(source, files, "."), made, work)

    def _fetch(self, downloads: Mapping[str, Download], folder: Path) -> dict[str, File]:
        """Fetches files, several at once; returns their sizes and hashes."""
        # The largest first, so that the last ones are short; those of the same content once.
        unique = {download.target: download for download in downloads.values()}
        order = sorted(unique.values(), key=lambda download: -download.size)
        self._check_room(order, folder)
        self._task.done, self._task.total = 0, sum(download.size for download in order)
        self._task.note(f"downloading {self._known.model}")
        fetches = [Fetch(self._web, download, self._task.wait, self._task.add) for download in order]
        with ThreadPoolExecutor(FILES_AT_ONCE) as threads:
            running = [threads.submit(fetch.run) for fetch in fetches]
            try:
                hashes = {each.target: future.result() for each, future in zip(order, running, strict=True)}
            except BaseException:
                for fetch in fetches:
                    fetch.stop()
                raise
        return {name: File(each.size, hashes[each.target]) for name, each in downloads.items()}

    def _check_room(self, downloads: Sequence[Download], folder: Path) -> None:
        new = [each for each in downloads if not each.target.exists()]
        missing = sum(each.size for each in new) - sum(each.part.stat().st_size for each in new if each.part.exists())
        variable = "HUSHD_MODELS_DIR" if self._store.folder in folder.parents else "HF_HUB_CACHE"
        check_room(missing, folder, f"{self._known.model} needs {readable(missing)} more", variable)

    def _manifest(self, source: Source, files: Mapping[str, File], location: str) -> Manifest:
        known, kind = self._known, self._engine.format
        return Manifest(known.engine, known.name, known.role, source, files, location, kind, known.licence)

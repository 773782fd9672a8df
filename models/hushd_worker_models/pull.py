"""Pulls a model: finds its source, checks for room, fetches its files, and writes its manifest last.

A model of the hub goes into Hugging Face's cache, where other programs find it too, unless its engine needs single
files; any other model is fetched into a working folder, and moved to its place in hushd's models folder.
"""

from __future__ import annotations

import os
import shutil
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from hushd_models import advice, hf_cache, removal
from hushd_models.catalogue import Known
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import user_cache

from . import hub
from .fetch import Download, Fetch, unwritable
from .install import check_room, readable, settle, spec_of
from .single_flight import SharedTask
from .web import Headers, Web, host, total

AT_ONCE = 4  # files; one connection each
LOCKED_S = 0.5  # between two checks whether another program has finished the model


class Pull:
    """The pull of one model.

    Args:
        update: whether to ask the source again, even if the model is installed.
    """

    def __init__(self, known: Known, store: Store, task: SharedTask, access: hub.Access, update: bool = False) -> None:
        self._known = known
        self._store = store
        self._task = task
        self._access = access
        self._update = update
        self._engine = spec_of(known.model)
        self._web = Web(task.wait, access.endpoint, access.token)

    def run(self) -> Manifest:
        """Installs the model.

        It does not ask the source if all files are installed already, except for an update, which only fetches changed
        files.

        Raises:
            HushdError: `model_missing` if it cannot be fetched, with another way to get it; `output_failed` if there is
                too little room, or no permission to write.
        """
        known = self._known
        if known.kind not in ("hub", "url"):
            raise HushdError("model_missing", f"{known.model} is not a model to pull: {advice.command(known)}.")
        if self._update and self._access.offline:
            raise HushdError("model_missing", f"{known.model} cannot be updated while HF_HUB_OFFLINE is set.")
        while True:
            with self._store.lock(known.model, wait=False) as ours:
                if ours:
                    here = self._here()
                    if here and not self._update:
                        return here
                    return self._from_hub(here) if known.kind == "hub" else self._from_url(here)
            self._task.note("waiting for another program that works on this model")
            self._task.wait(LOCKED_S)

    def _here(self) -> Manifest | None:
        """Returns the manifest of an earlier pull, if all its files still exist unchanged."""
        try:
            manifest = self._store.find(self._known.model)
        except HushdError:
            return None  # damaged: it will be replaced
        if manifest is None or self._store.missing(manifest):
            return None
        self._task.total = manifest.size
        location = self._store.location(manifest)
        self._task.note("checking installed files")
        for name, file in manifest.files.items():
            if self._task.hash(location / name) != file.sha256:
                path = location / name
                removal.unlink(self._store, path.resolve()) or removal.unlink(self._store, path)
                self._task.done = self._task.total = 0
                return None
        return manifest

    # --- Hugging Face's hub ------------------------------------------------------------------------------------------

    def _from_hub(self, here: Manifest | None) -> Manifest:
        known, folder = self._known, hf_cache.repository_folder(self._known.repository)
        if self._access.offline:
            commit = self._chosen(hub.cached(known.repository, known.revision))
            if commit is None or self._engine.flat:
                raise HushdError(
                    "model_missing",
                    f"{known.model} cannot be pulled while HF_HUB_OFFLINE is set, and {folder} does not have it.",
                )
        else:
            self._task.note(f"asking {host(self._access.endpoint)} for {known.repository}")
            commit = self._chosen(hub.look_up(self._access, known.repository, known.revision))
            if commit is None:
                raise HushdError(
                    "model_missing",
                    f"The repository {known.repository} does not have the files of {known.model} any more: name "
                    f'its present ones in [models."{known.model}"] of your configuration.',
                )
        source = Source("hub", commit.repository, commit.id)
        names = {file: PurePosixPath(file.name).name if self._engine.flat else file.name for file in commit.files}
        if here and here.source == source and here.files.keys() == set(names.values()):
            return here
        downloads = {names[file]: hub.download(self._access, commit, file) for file in commit.files}
        if self._engine.flat:
            work = self._store.begin(known.model, replace(source, revision=""))
            for name, download in downloads.items():
                downloads[name] = replace(
                    download, target=work / download.target.name, part=work / f"{download.target.name}.part"
                )
            return self._settle(source, downloads, work)
        try:
            (folder / "blobs").mkdir(parents=True, exist_ok=True)
            files = self._fetch(downloads, folder)
            snapshot = self._published(commit)
        except OSError as error:
            raise unwritable(folder, error) from error
        if here and here.location != str(snapshot):
            self._store.retire(here)
        return self._write(source, files, str(snapshot))

    def _published(self, commit: hub.Commit) -> Path:
        if self._access.offline:
            return hf_cache.repository_folder(commit.repository) / "snapshots" / commit.id
        return hub.publish(self._access, commit, self._known.revision)

    def _chosen(self, commit: hub.Commit | None) -> hub.Commit | None:
        """Returns `commit` with only the model's files; None if it lacks some."""
        if commit is None or (names := self._known.choose(file.name for file in commit.files)) is None:
            return None
        return replace(commit, files=tuple(file for file in commit.files if file.name in names))

    # --- other servers -----------------------------------------------------------------------------------------------

    def _from_url(self, here: Manifest | None) -> Manifest:
        known = self._known
        source = Source("url", known.url)
        (names,) = (files.needed for files in known.files[:1])
        known_hashes = {PurePosixPath(name).name: known.sha256.get(name) for name in names}
        if here and known_hashes == {name: file.sha256 for name, file in here.files.items()}:
            return here
        if adopted := self._adopted(names, source):
            return adopted
        if self._access.offline:
            raise HushdError("model_missing", f"{known.model} cannot be pulled while HF_HUB_OFFLINE is set.")
        self._task.note(f"asking {host(known.url)}")
        heads = {name: self._web.head(self._address(name)) for name in names}
        contents = {name: self._content(name, headers) for name, headers in heads.items()}
        renewed = replace(source, sha256=sha256("".join(contents.values()).encode()).hexdigest())
        if here and here.source == renewed:
            return here
        work = self._store.begin(known.model, source)
        # Each file has a folder named after its content: if the content changes on the server, a new download begins.
        folders = {name: work / contents[name][:16] for name in names}
        try:
            for left in set(work.iterdir()) - set(folders.values()):
                if left.is_dir():
                    shutil.rmtree(left)
            for folder in folders.values():
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(work, error) from error
        downloads = {PurePosixPath(name).name: self._at(name, heads[name], folders[name]) for name in names}
        return self._settle(renewed, downloads, work)

    def _address(self, name: str) -> str:
        return f"{self._known.url}/{urllib.parse.quote(name)}"

    def _content(self, name: str, headers: Headers) -> str:
        """Returns a fingerprint of a file from its server's headers, which changes when the file does."""
        headline = f"{self._address(name)} {headers.get('ETag', '')} {headers.get('Last-Modified')} {total(headers)}"
        return self._known.sha256.get(name) or sha256(headline.encode()).hexdigest()

    def _at(self, name: str, headers: Headers, folder: Path) -> Download:
        target = folder / PurePosixPath(name).name
        part, digest = target.with_name(f"{target.name}.part"), self._known.sha256.get(name, "")
        return Download(self._address(name), target, part, total(headers), digest, condition=headers.get("ETag", ""))

    def _adopted(self, names: Sequence[str], source: Source) -> Manifest | None:
        """Returns the model that the engine's own package has downloaded, if its hashes are known and right."""
        if not self._engine.cache or not set(names) <= self._known.sha256.keys():
            return None
        folder = user_cache() / self._engine.cache
        if not all((folder / name).is_file() for name in names):
            return None
        self._task.note(f"checking the files in {folder}")
        self._task.done, self._task.total = 0, sum((folder / name).stat().st_size for name in names)
        files = {name: File((folder / name).stat().st_size, self._task.hash(folder / name)) for name in names}
        if any(file.sha256 != self._known.sha256[name] for name, file in files.items()):
            self._task.done = self._task.total = 0
            return None
        return self._write(source, files, str(folder))

    # --- both --------------------------------------------------------------------------------------------------------

    def _fetch(self, downloads: Mapping[str, Download], folder: Path) -> dict[str, File]:
        """Fetches files, several at once; returns their sizes and hashes."""
        unique = list({download.target: download for download in downloads.values()}.values())
        self._check_room(unique, folder)
        sizes = [download.size for download in unique]
        self._task.done, self._task.total = 0, 0 if None in sizes else sum(filter(None, sizes))
        self._task.note(f"downloading {self._known.model}")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            fetches = [Fetch(self._web, download, self._task.wait, self._task.add) for download in unique]
            # The largest first, so that the last ones are short.
            order = sorted(range(len(unique)), key=lambda n: -(unique[n].size or 0))
            running = {n: threads.submit(fetches[n].run) for n in order}
            try:
                hashes = {unique[n].target: running[n].result() for n in order}
            except BaseException:
                for future in running.values():
                    future.cancel()
                for fetch in fetches:
                    fetch.stop()
                raise
        return {
            name: File(download.target.stat().st_size, hashes[download.target]) for name, download in downloads.items()
        }

    def _check_room(self, downloads: Sequence[Download], folder: Path) -> None:
        missing = sum((w.size or 0) - _size(w.part) for w in downloads if not w.target.exists())
        variable = "HUSHD_MODELS_DIR" if self._store.folder in folder.parents else "HF_HUB_CACHE"
        need = f"{self._known.model} needs {readable(missing)} more"
        check_room(missing, folder, need, variable)

    def _settle(self, source: Source, downloads: Mapping[str, Download], work: Path) -> Manifest:
        """Fetches files into the models folder."""
        self._share(source, downloads)
        files = self._fetch(downloads, work)
        made = {name: download.target for name, download in downloads.items()}
        return settle(self._store, self._manifest(source, files, "."), made, work)

    def _share(self, source: Source, downloads: Mapping[str, Download]) -> None:
        """Reuses installed files of the same source: kokoro's models share voices, revisions most of their files.

        If a file's hash is not known beforehand, another model's file is reused if it has not changed since its
        installation.
        """
        for manifest in self._store.kept(self._known.engine).values():
            if not isinstance(manifest, Manifest) or manifest.source.place != source.place:
                continue
            for name in manifest.files.keys() & downloads.keys():
                file, download, path = manifest.files[name], downloads[name], self._store.location(manifest) / name
                # The fetch compares the file, and replaces it if it differs.
                certain = bool(download.sha256)
                if file.size != download.size or (download.sha256 and download.sha256 != file.sha256):
                    continue
                if not certain and (self._update or manifest.model == self._known.model):
                    continue  # the manifest's other files may be newer
                with suppress(OSError, HushdError):  # the file is gone, or this file system has no links
                    if certain or self._task.hash(path, counted=False) == file.sha256:
                        os.link(path, download.target)

    def _manifest(self, source: Source, files: Mapping[str, File], location: str) -> Manifest:
        known, kind = self._known, self._engine.format
        return Manifest(known.engine, known.name, known.role, source, files, location, kind, known.licence)

    def _write(self, source: Source, files: Mapping[str, File], location: str) -> Manifest:
        manifest = self._manifest(source, files, location)
        self._store.write(manifest)
        return manifest


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

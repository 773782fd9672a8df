"""Reads Hugging Face's hub, and shares its cache with other programs, in the layout of the hub's own library.

`models--OWNER--NAME/` in the cache has `blobs/`, named by their contents; `snapshots/COMMIT/`, links to these under the
files' own names; and `refs/`, each with the commit of a branch when it was last resolved.
"""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hushd_models import hf_cache
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file
from hushd_protocol.system.paths import user_cache

from .fetch import Download
from .web import Web

ENDPOINT = "https://huggingface.co"
_ANSWER = 32_000_000  # bytes: the largest repositories have some 100,000 files
_COMMIT = re.compile("[0-9a-f]{40}")
_BLOB = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a commit. `blob` is its name in the cache: its SHA-256, or its git hash if it is small."""

    name: str
    size: int
    blob: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A resolved revision: its commit and files."""

    repository: str
    id: str
    files: tuple[HubFile, ...]
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """The access to the hub: its address or a mirror's, the user's token, if any, and whether to stay offline."""

    endpoint: str
    token: str
    offline: bool


def access(endpoint: str = "", offline: bool | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """Returns the access to the hub; the environment's token is only sent to the environment's own address."""
    configured = (environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    address = endpoint.rstrip("/") or configured
    return Access(
        address, _token(environ) if address == configured else "", hf_cache.offline() if offline is None else offline
    )


def _token(environ: Mapping[str, str]) -> str:
    """Returns the user's token for the hub; empty if there is none."""
    if environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return ""
    if token := environ.get("HF_TOKEN"):
        return token.strip()
    home = environ.get("HF_HOME") or user_cache(environ) / "huggingface"
    try:
        return Path(environ.get("HF_TOKEN_PATH") or Path(home) / "token").expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def look_up(web: Web, endpoint: str, repository: str, revision: str) -> Commit:
    """Asks the hub for the current commit of `revision`, a branch, tag or commit, and for its files.

    Raises:
        HushdError: `model_missing`.
    """
    url = f"{endpoint}/api/models/{repository}/revision/{urllib.parse.quote(revision, safe='')}?blobs=true"
    try:
        content = json.loads(web.get(url, _ANSWER))
        commit = str(content["sha"])
        files = []
        for entry in content["siblings"]:
            blob, size = entry["blobId"], entry.get("size")
            if large := entry.get("lfs"):
                blob, size = large["sha256"], large["size"]
            files.append(HubFile(_safe(entry["rfilename"]), int(size), str(blob)))
        licence = (content.get("cardData") or {}).get("license") or ""
        if not isinstance(licence, str):
            licence = ", ".join(map(str, licence))
        if not _COMMIT.fullmatch(commit) or not all(_BLOB.fullmatch(file.blob) for file in files):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise HushdError("model_missing", f"{url} does not answer like a hub: check HF_ENDPOINT.") from error
    return Commit(repository, commit, tuple(files), licence)


class Cache:
    """A repository in the cache."""

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.folder = hf_cache.repository_folder(repository)

    def snapshot(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def download(self, endpoint: str, commit: Commit, file: HubFile) -> Download:
        """Returns the download of `file` into `blobs`."""
        blob = self.folder / "blobs" / file.blob
        address = f"{endpoint}/{commit.repository}/resolve/{commit.id}/{urllib.parse.quote(file.name)}"
        large = len(file.blob) == 64
        return Download(
            url=address,
            target=blob,
            part=blob.with_name(hf_cache.half_name(file.blob, file.name)),
            size=file.size,
            sha256=file.blob if large else "",
            git="" if large else file.blob,
        )

    def prepare(self) -> None:
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)

    def publish(self, commit: Commit, revision: str) -> Path:
        """Creates the snapshot, a folder with the files' names as links to the blobs, which all exist; returns it."""
        snapshot = self.snapshot(commit.id)
        for file in commit.files:
            path = snapshot / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            up = "../" * (len(PurePosixPath(file.name).parts) + 1)
            _link(f"{up}blobs/{file.blob}", path)
        if revision != commit.id:
            ref = self.folder / "refs" / revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.replace(ref, commit.id)
        return snapshot

    def known(self, revision: str) -> Commit | None:
        """Returns the commit of `revision` with its files in the cache, without any request; None if there are none."""
        commit = revision
        if not _COMMIT.fullmatch(revision):
            try:
                commit = (self.folder / "refs" / revision).read_text().strip()
            except (OSError, ValueError):
                return None
        snapshot = self.snapshot(commit)
        files = []
        for path in sorted(snapshot.rglob("*")):
            blob = path.resolve()
            if blob.is_file():
                files.append(HubFile(path.relative_to(snapshot).as_posix(), blob.stat().st_size, blob.name))
        return Commit(self.repository, commit, tuple(files)) if files else None


def _safe(name: str) -> str:
    """Returns `name` if it is a relative path that stays inside its folder; raises ValueError otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or str(path) != name:
        raise ValueError(name)
    return name


def _link(target: str, path: Path) -> None:
    if path.is_symlink() and os.readlink(path) == target:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)

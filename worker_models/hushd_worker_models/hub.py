"""Asks Hugging Face's hub, and shares its cache with other programs, by its library, huggingface_hub.

The library answers what a repository has, whose token that needs, and where files lie in the cache. The bytes come by
`fetch`: the library (2.4) discards what has come of a file when it fails or is ended, and compares no hash.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hushd_models import hf_cache
from hushd_models.installation import extra_command
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import atomic_file

from .fetch import Download
from .web import QUESTION_S, refused, retry_after, unreachable

ENDPOINT = "https://huggingface.co"
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


@dataclass(frozen=True, slots=True)
class Access:
    """The access to the hub: its address or a mirror's, the user's token, if any, and whether to stay offline."""

    endpoint: str
    token: str
    offline: bool


def access(endpoint: str = "", offline: bool | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """Returns the access to the hub; the user's token is only sent to the environment's own address."""
    configured = (environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    address = endpoint.rstrip("/") or configured
    offline = hf_cache.offline() if offline is None else offline
    return Access(address, "" if offline or address != configured else _token(), offline)


def look_up(how: Access, repository: str, revision: str) -> Commit:
    """Asks the hub for the current commit of `revision`, a branch, tag or commit, and for its files.
    Raises `model_missing`."""
    with _errors(how.endpoint):
        about = _api(how).model_info(repository, revision=revision, files_metadata=True, timeout=QUESTION_S)
        files = tuple(
            HubFile(_safe(file.rfilename), file.lfs.size, file.lfs.sha256)
            if file.lfs
            else HubFile(_safe(file.rfilename), int(file.size), str(file.blob_id))
            for file in about.siblings
        )
        if not _COMMIT.fullmatch(about.sha) or not all(_BLOB.fullmatch(file.blob) for file in files):
            raise ValueError("its commit or a file's hash is none")
        return Commit(repository, about.sha, files)


def download(how: Access, commit: Commit, file: HubFile) -> Download:
    """Returns the download of `file` to its place in the cache."""
    blob = hf_cache.repository_folder(commit.repository) / "blobs" / file.blob
    return Download(
        url=_library().hf_hub_url(commit.repository, file.name, revision=commit.id, endpoint=how.endpoint),
        target=blob,
        part=blob.with_name(f"{file.blob}{hf_cache.HALF}"),
        size=file.size,
        sha256=file.blob if len(file.blob) == 64 else "",
    )


def publish(how: Access, commit: Commit, revision: str) -> Path:
    """Gives the files of `commit`, which all lie in the cache, their names there; returns their folder.
    Raises `model_missing`; OSError if the cache cannot be written."""
    folder = hf_cache.repository_folder(commit.repository)
    with _errors(how.endpoint):
        snapshot = _library().snapshot_download(
            commit.repository,
            revision=commit.id,
            cache_dir=hf_cache.cache(),
            endpoint=how.endpoint,
            token=how.token or False,
            allow_patterns=[re.sub(r"([*?[])", r"[\1]", file.name) for file in commit.files],
        )
    if revision != commit.id:
        ref = folder / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.replace(ref, commit.id)
    return Path(snapshot)


def _token() -> str:
    try:
        return _library().get_token() or ""
    except HushdError:
        return ""  # other servers' files come without the library


def _api(how: Access) -> Any:
    library = _library()
    return library.HfApi(
        endpoint=how.endpoint, token=how.token or False, library_name="hushd", library_version=__version__
    )


def _library() -> Any:
    """Returns the library, which reads its environment once, at its import: each job says whether it is offline.
    Raises `engine_missing`."""
    offline = os.environ.pop("HF_HUB_OFFLINE", None)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # the library tells the hub which program and agent asks
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise HushdError(
            "engine_missing", f"Models come by huggingface_hub, which is not here: {extra_command('hub')}."
        ) from error
    finally:
        if offline is not None:
            os.environ["HF_HUB_OFFLINE"] = offline


@contextmanager
def _errors(endpoint: str) -> Iterator[None]:
    """Raises the library's errors as ours."""
    library = _library()
    try:
        yield
    except library.errors.HfHubHTTPError as error:
        status, headers = error.response.status_code, error.response.headers
        if status in (408, 429) or status >= 500:
            raise unreachable(endpoint, error, retry_after(headers)) from error
        raise refused(status, str(error.response.url), headers) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, AssertionError) as error:
        raise HushdError(
            "model_missing", f"{endpoint} does not answer like a hub ({reason(error)}): check HF_ENDPOINT."
        ) from error
    except OSError as error:
        if error.errno is not None:  # the disk's error
            raise
        raise unreachable(endpoint, error) from error
    except Exception as error:  # an error of the library's own library for HTTP
        raise unreachable(endpoint, error) from error


def _safe(name: str) -> str:
    """Returns `name` if it is a relative path that stays inside its folder; raises ValueError otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or str(path) != name:
        raise ValueError(name)
    return name

"""Reads Hugging Face's cache without its library, which takes 0.3 s to import."""

from __future__ import annotations

import os
from glob import glob  # skips folders without permission, unlike pathlib's
from pathlib import Path

from hushd_protocol.system.paths import user_cache

# The suffix of a blob that hushd is pulling; `hf cache` treats `.incomplete` as the library's own.
HALF = ".hushd.incomplete"
_MODEL = "models--"  # the prefix of a model's folder


def cache() -> Path:
    """Returns the folder of the hub library's downloads."""
    env = os.environ
    return Path(env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE") or _home() / "hub").expanduser()


def token() -> Path:
    """Returns the file of the user's token, which does not move with the downloads."""
    return Path(os.environ.get("HF_TOKEN_PATH") or _home() / "token").expanduser()


def _home() -> Path:
    return Path(os.environ.get("HF_HOME") or user_cache() / "huggingface")


def repository_folder(repository: str) -> Path:
    """Returns the folder of `repository`, such as `Systran/faster-whisper-base`."""
    return cache() / f"{_MODEL}{repository.replace('/', '--')}"


def repositories() -> frozenset[str]:
    """Returns the repositories of models with anything in the cache."""
    folders = glob(f"{_MODEL}*", root_dir=cache())
    return frozenset(folder.removeprefix(_MODEL).replace("--", "/") for folder in folders)


def snapshot(repository: str, revision: str = "main") -> Path | None:
    """Returns the folder of a revision (a branch, a tag or a commit) of `repository` in the cache, None if there is
    none. An interrupted download may lack files."""
    folder = repository_folder(repository)
    try:
        commit = (folder / "refs" / revision).read_text().strip()
    except (OSError, ValueError):
        commit = revision
    path = folder / "snapshots" / commit
    return path if commit and os.path.isdir(path) else None  # `isdir` is False without permission, too


def offline() -> bool:
    """Returns whether the environment forbids downloads, as it does for Hugging Face's libraries."""
    return os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE")

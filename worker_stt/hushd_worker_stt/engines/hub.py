"""Hugging Face's cache, looked into without its library: that takes no network, and no 0.3 s of imports."""

from __future__ import annotations

import os
from pathlib import Path


def snapshot(repository: str) -> Path | None:
    """The folder of the newest revision of `repository`, such as `Systran/faster-whisper-base`, in the cache; None
    where there is none. It may lack files: a download may have broken off."""
    env = os.environ
    home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    cache = Path(env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE") or home / "hub").expanduser()
    folder = cache / f"models--{repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    found = folder / "snapshots" / commit
    return found if commit and found.is_dir() else None


def offline() -> bool:
    """Whether the environment forbids downloads, as it does for Hugging Face's libraries."""
    return os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE")

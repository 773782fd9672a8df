"""`hushd models recommend` as a command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from support import warm

CODE = "from hushd_cli import entry; entry.hushd()"


def run(*words: str, status: int = 0, **environment: str) -> str:
    done = warm.run(
        [sys.executable, "-P", "-c", CODE, "models", "recommend", *words],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def test_text_and_json_say_the_same(runtime: Path) -> None:
    """For each language and role: model, disk, memory, licence, what one gets, and the commands."""
    text, listed = run("en", "de"), json.loads(run("en", "de", "--json"))
    assert {(one["language"], one["role"]) for one in listed} == {(a, b) for a in ("en", "de") for b in ("stt", "tts")}
    for one in listed:
        cost = f"{one['size_mb']} MB on disk, {one['memory_mb']} MB of memory, {one['speed']}, {one['licence']}"
        assert f"{one['model']}  ({cost})" in text
        assert one["gain"] in text
        assert all(f"$ {command}" in text for command in one["commands"])
    assert "GB free for models" in text


def test_the_session_decides_without_a_language(runtime: Path) -> None:
    """The locale's language, English where it has none."""
    assert {one["language"] for one in json.loads(run("--json", LC_ALL="fr_CA.UTF-8"))} == {"fr"}
    assert {one["language"] for one in json.loads(run("--json", LC_ALL="C.UTF-8"))} == {"en"}

"""A template has imported everything: the load of a worker that is forked from it imports nothing more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_worker_tts.engines.hibari_internals import dictionaries

PROGRAM = """
import json, sys
from hushd_worker import harness, template
from hushd_worker_{role}.worker import {worker}, preload
preload({engine!r})
before, threads = set(sys.modules), template.threads()
{worker}({engine!r}, "default").load(lambda note: None)
print(json.dumps([threads, sorted(set(sys.modules) - before)]))
sys.stdout.flush()
import os
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="templates are kept on Linux only")
@pytest.mark.parametrize(
    ("role", "worker", "engine"), [("tts", "Worker", "hibari"), ("stt", "SpeechToText", "moonshine")], ids=str
)
def test_a_load_after_preload_imports_nothing(
    role: str, worker: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of hibari with its dictionaries as tables; with the one variable of a template no library starts a thread."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if engine == "hibari":
        dictionaries.make(british=False)
    program = PROGRAM.format(role=role, worker=worker, engine=engine)
    environment = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", "XDG_CACHE_HOME": str(tmp_path)}
    found = subprocess.run([sys.executable, "-P", "-c", program], env=environment, capture_output=True, check=True)
    threads, imported = json.loads(found.stdout)
    assert threads == 1
    assert imported == []

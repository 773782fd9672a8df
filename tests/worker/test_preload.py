"""A template has imported everything: the load of a worker that is forked from it imports nothing more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hushd_worker_tts.engines.hibari_internals import dictionaries
from support.emulator import needs_machine

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


WORKERS = {"hibari": ("tts", "Worker"), "moonshine": ("stt", "SpeechToText")}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="templates are kept on Linux only")


@pytest.fixture(scope="module", params=WORKERS)
def preloaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[str]]:
    """The threads of a template, and the modules that a load imports after it."""
    engine = request.param
    role, worker = WORKERS[engine]
    cache = str(tmp_path_factory.mktemp("cache"))
    if engine == "hibari":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", cache)
            dictionaries.make(british=False)
    program = PROGRAM.format(role=role, worker=worker, engine=engine)
    environment = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", "XDG_CACHE_HOME": cache}
    found = subprocess.run([sys.executable, "-P", "-c", program], env=environment, capture_output=True, check=True)
    threads, imported = json.loads(found.stdout)
    return threads, imported


def test_a_load_after_preload_imports_nothing(preloaded: tuple[int, list[str]]) -> None:
    """Of hibari with its dictionaries as tables."""
    assert preloaded[1] == []


@needs_machine("each process has a second thread")
def test_no_library_starts_a_thread(preloaded: tuple[int, list[str]]) -> None:
    """With the one variable of a template."""
    assert preloaded[0] == 1

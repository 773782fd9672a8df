"""Orders the tests, and shares them out: `scripts/test` has several processes, and the last to end decides."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files and folders whose tests take longest, those first; a file that is nowhere here comes after them.
LONGEST = (
    "supervisor/core/test_pool_fuzz.py", "worker_stt/test_transcribe.py", "worker_stt/diarization/test_diarize.py",
    "worker_stt/engines/test_whisper.py", "end_to_end/test_tuning_programs.py", "end_to_end/test_python.py",
    "end_to_end/test_listening.py", "worker_stt/live/test_listener.py", "gateway/http/test_openapi.py",
    "worker_tts/reading/test_reading.py", "end_to_end/test_end_to_end.py", "agents/test_mcp_speech.py",
    "storm/test_chaos.py", "end_to_end/test_serving.py", "fuzzing/test_fuzz.py", "end_to_end/",
    "desktop/test_captions.py", "desktop/test_dictate.py", "cluster/",
    "test_imports.py", "worker_stt/", "worker_tts/", "worker_models/", "gateway/", "supervisor/test_",
)  # fmt: skip
# Files whose tests share nothing that takes time to make, so that several processes may divide them.
DIVIDED = ("supervisor/core/test_pool_fuzz.py", "worker_tts/reading/test_reading.py", "fuzzing/test_fuzz.py")


def put_longest_first(items: list[pytest.Item]) -> None:
    """Sorts tests so that no process begins with a long file when all others are about to end."""
    names = {item.path: item.nodeid for item in items}  # of one test of each file
    places = {path: _place(name) for path, name in names.items()}
    items.sort(key=lambda item: places[item.path])


def _place(name: str) -> int:
    return next((n for n, long in enumerate(LONGEST) if name.startswith(f"tests/{long}")), len(LONGEST))


class Schedule(LoadScopeScheduling):
    """Gives each process a file at a time, or a single test of a file that may be divided."""

    def _split_scope(self, nodeid: str) -> str:
        name = nodeid.partition("::")[0]
        return nodeid if name.removeprefix("tests/") in DIVIDED else name

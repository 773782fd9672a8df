"""Fixtures for all tests: a private runtime folder, and a real supervisor in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.memory_group import MemoryGroup
from support.peer import CONFIG, Supervisor, check_nothing_is_left
from support.programs import Programs


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder, 0700 and with a short path, for runtime, state and configuration; nothing starts by itself."""
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("HUSHD_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("HUSHD_AUTOSTART", "0")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_supervisor(runtime: Path) -> Iterator[Callable[..., Supervisor]]:
    """Starts real supervisors in `runtime`: `start_supervisor(config, *arguments, environment={…})`.

    At the end they are told to leave, and must leave no process behind.
    """
    started: list[Supervisor] = []

    def start(config: str = CONFIG, *arguments: str, **options: Any) -> Supervisor:
        started.append(Supervisor(runtime, config, *arguments, **options))
        return started[-1]

    yield start
    for supervisor in reversed(started):
        supervisor.stop()
    check_nothing_is_left(runtime)


@pytest.fixture
def supervisor(start_supervisor: Callable[..., Supervisor]) -> Supervisor:
    """A supervisor with the workers `stt/echo`, `tts/echo` and `stt/fake`, ready to be asked."""
    started = start_supervisor()
    assert started.ready, started.log()
    return started


@pytest.fixture
def programs(supervisor: Supervisor, runtime: Path) -> Iterator[Programs]:
    """Commands that speak and listen on a device that keeps a diary; none is left running."""
    made = Programs(runtime)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def memory_group() -> Iterator[MemoryGroup]:
    """A real memory cgroup; the test is skipped where none can be made."""
    try:
        group = MemoryGroup()
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here ({error})")
    yield group
    group.close()


LONGEST = ("end_to_end", "mcp", "cluster", "worker_stt", "engines", "diarization", "worker_models")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the folders whose files take longest first: the last file to end decides how long all of them take."""
    items.sort(key=lambda item: LONGEST.index(name) if (name := item.path.parent.name) in LONGEST else len(LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says of which engines the tests have seen little or nothing."""
    packages = {"faster-whisper": "faster_whisper", "onnx-asr": "onnx_asr", "whisper": "whisper"}
    packages |= {"kokoro": "kokoro_onnx", "piper": "piper", "ray": "ray"}
    if missing := [engine for engine, package in packages.items() if find_spec(package) is None]:
        terminalreporter.write_line(f"Not installed, so not tested: {', '.join(missing)} (scripts/test --engines all).")

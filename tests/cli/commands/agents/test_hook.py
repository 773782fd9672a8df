"""`hushd agents hook` as agents start it: real processes, a real supervisor, and a loudspeaker that keeps a diary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd_protocol.system import paths
from support import warm
from support.diary import ECHO, Diary, words
from support.peer import BOUND_S, Start, Supervisor, wait_until

HUSHD = Path(sys.executable).parent / "hushd"


def stop(text: str, session: str = "s1", turn: str = "t1", **more: Any) -> bytes:
    fields = {"session_id": session, "cwd": "/nowhere/api", "hook_event_name": "Stop", "prompt_id": turn}
    return json.dumps(fields | {"last_assistant_message": text, "stop_hook_active": False} | more).encode()


def event(name: str, session: str = "s1", **more: Any) -> bytes:
    return json.dumps({"session_id": session, "cwd": "/nowhere/api", "hook_event_name": name} | more).encode()


class Hooks:
    """Runs hooks with a loudspeaker of their own, and finds what they have left."""

    def __init__(self, runtime: Path) -> None:
        self.diary = Diary(runtime / "diary")
        self.hold = runtime / "diary.hold"
        self.environment = os.environ | self.diary.environment

    def run(self, data: bytes = b"", *arguments: str) -> None:
        """Gives an agent's event to a hook, which ends well and writes nothing."""
        done = subprocess.run(
            [HUSHD, "agents", "hook", *arguments],
            input=data,
            env=self.environment,
            capture_output=True,
            timeout=BOUND_S,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def hushd(self, *arguments: str) -> str:
        done = warm.run(
            [str(HUSHD), *arguments], env=self.environment, check=True, capture_output=True, text=True, timeout=BOUND_S
        )
        return done.stdout

    def left(self) -> list[psutil.Process]:
        """The processes that the hooks have left behind, by their environment."""
        mark = self.diary.environment["HUSHD_DIARY"]
        processes = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HUSHD_DIARY") == mark and process.status() != psutil.STATUS_ZOMBIE:
                    processes.append(process)
            except (psutil.Error, OSError):
                continue
        return processes

    def finish(self) -> None:
        wait_until(lambda: not self.left(), "the end of all hooks")

    def begun(self) -> int:
        """The number of speeches so far; of one that is silenced the device may never be seen to close."""
        return len(self.diary.lines("sound"))

    def heard(self) -> list[int]:
        """The samples of each speech so far, which are the bytes of its text."""
        return [sound.heard for sound in self.diary.sounds()]


@pytest.fixture
def hooks(runtime: Path) -> Iterator[Hooks]:
    made = Hooks(runtime)
    yield made
    made.hold.unlink(missing_ok=True)
    for process in made.left():
        process.kill()
    made.finish()


@pytest.fixture
def supervised(start_supervisor: Start) -> Supervisor:
    return start_supervisor(ECHO)


def test_an_answer_is_heard_once(supervised: Supervisor, hooks: Hooks) -> None:
    """A hook that fires twice, and one that another hook has fire again, are heard once; so is Codex's argument."""
    for data in (stop("abc"), stop("abc"), stop("abc", stop_hook_active=True)):
        hooks.run(data)
    codex = {"type": "agent-turn-complete", "thread-id": "s1", "turn-id": "t1", "last-assistant-message": "abc"}
    hooks.run(b"", json.dumps(codex))
    hooks.finish()
    assert len(hooks.heard()) == 1
    hooks.run(stop("abc", turn="t2"))
    hooks.finish()
    assert len(hooks.heard()) == 2


def test_a_prompt_silences_its_session(supervised: Supervisor, hooks: Hooks) -> None:
    """A prompt ends the speech of its session and those that wait; another session's goes on."""
    hooks.hold.touch()
    hooks.run(stop(words(20.0)))
    hooks.diary.wait_for_sound()
    hooks.run(stop("later", turn="t2"))
    hooks.run(event("UserPromptSubmit", "other", prompt="x"))
    wait_until(lambda: len(hooks.left()) == 2, "the other session's end")
    hooks.run(event("UserPromptSubmit", prompt="x"))
    hooks.finish()
    assert hooks.begun() == 1


def test_off_is_silence(supervised: Supervisor, hooks: Hooks) -> None:
    """`off` ends the speech, and keeps agents silent until `on`."""
    hooks.hold.touch()
    hooks.run(stop(words(20.0)))
    hooks.diary.wait_for_sound()
    hooks.hushd("agents", "hook", "off")
    hooks.finish()
    hooks.hold.unlink()
    hooks.run(stop("abc", turn="t2"))
    hooks.finish()
    assert hooks.begun() == 1
    hooks.hushd("agents", "hook", "on")
    hooks.run(stop("abc", turn="t3"))
    hooks.finish()
    assert hooks.begun() == 2


def test_without_a_supervisor_the_agent_goes_on(hooks: Hooks, runtime: Path) -> None:
    """The log says that none runs and none may be started, and no process stays."""
    hooks.run(stop("abc"))
    hooks.finish()
    assert "hushd" in paths.find().worker_log("agent-hook").read_text()

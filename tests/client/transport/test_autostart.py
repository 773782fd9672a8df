"""Tests of a start that fails, with an invented supervisor; tests/end_to_end/test_autostart.py starts real ones."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from hushd.transport import autostart
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from support.peer import BOUND_S

EARLIER = "hushd: The folder is not ours.\n"


@pytest.mark.parametrize(("becomes", "says", "starts"), [(False, "", 2), (None, "", 1), (False, "hushd: No.\n", 1)])
@pytest.mark.usefixtures("runtime")
def test_only_a_start_that_ended_without_a_word_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, becomes: bool | None, says: str, starts: int
) -> None:
    """Another program may have killed it; one that took `START_TIMEOUT_S`, or said why it cannot start, would again."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    begun: list[int] = []

    def start(paths: object, log: str, _: str) -> bool | None:
        begun.append(Path(log).write_text(says))
        return becomes

    monkeypatch.setattr(autostart, "_start", start)
    with pytest.raises(HushdError, match="did not start") as failed:
        autostart.ensure(find())
    assert len(begun) == starts
    assert ("(hushd: No)" in failed.value.message) == bool(says)


@pytest.mark.usefixtures("runtime")
def test_who_connects_waits_for_a_start_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command begins it before it imports its client, and a second supervisor is not started."""
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    paths, may_end, starts = find(), threading.Event(), SimpleQueue[str]()

    def start(_: object, __: str, expected: str) -> bool:
        starts.put(expected)
        assert may_end.wait(BOUND_S)
        return True

    monkeypatch.setattr(autostart, "_start", start)
    monkeypatch.setattr(autostart, "running", lambda _: may_end.is_set())
    autostart.begin(paths, "tts fr")
    assert starts.get(timeout=BOUND_S) == "tts fr"
    threading.Timer(0.0, may_end.set).start()
    assert autostart.ensure(paths) == paths
    assert (starts.empty(), os.environ.get("HUSHD_EXPECTED")) == (True, None)


@pytest.mark.parametrize(
    ("module", "name", "refusal"),
    [
        (threading.Thread, "start", RuntimeError("can't start new thread")),
        (autostart, "prepare_runtime", OSError(errno.EMFILE, "Too many open files")),
    ],
)
@pytest.mark.usefixtures("runtime")
def test_a_start_for_which_the_system_refuses_something_is_left_to_who_connects(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], module: Any, name: str, refusal: Exception
) -> None:
    """A thread, or a descriptor: nothing is raised, and nothing written to the terminal."""

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(module, name, refuse)
    autostart.begin(find())
    for thread in threading.enumerate():
        if thread.name == "autostart":
            thread.join(BOUND_S)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("beyond_s", "ready"), [(-1, True), (1, None)])
def test_a_supervisor_that_starts_slowly_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, beyond_s: float, ready: bool | None
) -> None:
    """The wait lasts `START_TIMEOUT_S`, as beside busy programs, and not for ever."""
    waited: list[float] = []  # ms, a look each; `append` returns None: nothing to read yet
    waiting = SimpleNamespace(register=lambda *_: None, poll=waited.append)
    monkeypatch.setattr(autostart, "select", SimpleNamespace(poll=lambda: waiting, POLLIN=0))
    monkeypatch.setattr(autostart, "_spawn", lambda *_: None)
    monkeypatch.setattr(autostart, "running", lambda _: sum(waited) >= 1000 * (autostart.START_TIMEOUT_S + beyond_s))
    assert autostart._start(find(), "", "") is ready


@pytest.mark.parametrize("report", [3, 4, 9])
@pytest.mark.usefixtures("runtime")
def test_a_supervisor_is_given_the_pipe_that_its_starter_waits_on_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, report: int
) -> None:
    """Whichever number it has in a program that began with few descriptors: it says there that it is ready, and what
    the program inherited, such as the pipe of `x=$(listen a.wav)`, it does not keep open."""
    (tmp_path / "hushd_supervisor.py").write_text(
        "import os, sys\n"
        "number = int(sys.argv[sys.argv.index('--ready-fd') + 1])\n"
        "names = [name for name in os.listdir('/dev/fd') if os.path.exists(f'/dev/fd/{name}')]\n"
        "others = [int(name) for name in names if int(name) > 2]\n"
        "os.write(number, b'!' if others == [number] else f'{others}'.encode())\n"
    )
    program = (
        "import os, sys; from hushd.transport import autostart\n"
        "ready, write = os.pipe(); report = int(sys.argv[1])\n"
        "os.dup2(ready, 20); os.dup2(write, 21); os.closerange(3, 20)\n"
        "os.dup2(21, report, inheritable=False); os.close(21)\n"
        "os.dup2(os.open('/dev/null', os.O_RDWR), 15, inheritable=True)\n"
        "autostart._spawn(sys.argv[2], report, ''); os.close(report); print(os.read(20, 100).decode(), end='')"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, "-c", program, str(report), str(tmp_path / "log")], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("!", ""), (tmp_path / "log").read_text()


@pytest.mark.parametrize("report", [3, 4])
@pytest.mark.usefixtures("runtime")
def test_the_pipe_gets_another_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, report: int) -> None:
    """glibc before 2.29, as in Red Hat 8, closes a descriptor at the start that is duplicated to its own number."""
    given: list[tuple[int, ...]] = []

    def spawn(*_: object, file_actions: list[tuple[int, ...]], **__: object) -> int:
        given.extend(file_actions)
        return 1

    monkeypatch.setattr(os, "posix_spawn", spawn)
    monkeypatch.setattr(os, "waitpid", lambda *_: None)
    autostart._spawn(str(tmp_path / "log"), report, "")
    monkeypatch.undo()
    (pipe,) = (numbers for kind, *numbers in given if kind == os.POSIX_SPAWN_DUP2)
    assert pipe[0] == report != pipe[1]


def _last(folder: Path, text: str, start: int = 0) -> str:
    (folder / "log").write_text(text)
    return autostart._last_line(str(folder / "log"), start)


def test_what_an_earlier_start_has_said_does_not_explain_this_one(tmp_path: Path) -> None:
    """The log goes on for ever."""
    assert _last(tmp_path, EARLIER) == "hushd: The folder is not ours"
    assert _last(tmp_path, EARLIER, len(EARLIER)) == ""
    assert _last(tmp_path, EARLIER + "hushd: The disk is full.\n", len(EARLIER)) == "hushd: The disk is full"

"""Tests of a start that fails, with an invented supervisor; tests/end_to_end/test_autostart.py starts real ones."""

from __future__ import annotations

import errno
import os
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


def _last(folder: Path, text: str, start: int = 0) -> str:
    (folder / "log").write_text(text)
    return autostart._last_line(str(folder / "log"), start)


def test_what_an_earlier_start_has_said_does_not_explain_this_one(tmp_path: Path) -> None:
    """The log goes on for ever."""
    assert _last(tmp_path, EARLIER) == "hushd: The folder is not ours"
    assert _last(tmp_path, EARLIER, len(EARLIER)) == ""
    assert _last(tmp_path, EARLIER + "hushd: The disk is full.\n", len(EARLIER)) == "hushd: The disk is full"

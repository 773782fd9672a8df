"""The memory of sessions: nothing is said twice, and silence reaches who speaks."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hushd_cli.commands.agents import sessions
from hushd_cli.commands.agents.sessions import Session
from hushd_cli.commands.agents.switch import Switch
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support.peer import BOUND_S


def session(name: str = "s", clock: float = 0.0) -> Session:
    return Session(paths.find(), name, "api", lambda: clock)


def test_an_answer_is_taken_once(runtime: Path) -> None:
    """A hook that fires twice in a turn is heard once; the same words in another turn are another answer."""
    assert session().take("Done.", "t1")
    assert not session().take("Done.", "t1")
    assert session().take("Done, really.", "t1")  # a hook of somebody's has it go on
    assert session().take("Done.", "t2")
    assert session("other").take("Done.", "t1")


def test_prompts_count_where_turns_have_no_name(runtime: Path) -> None:
    """The same answer to a new prompt is heard again."""
    assert session().take("Done.", "")
    assert not session().take("Done.", "")
    session().hush(prompt=False)
    assert not session().take("Done.", "")
    session().hush(prompt=True)
    assert session().take("Done.", "")


def test_a_resumed_session_repeats_nothing(runtime: Path) -> None:
    """A message that was spoken is not spoken again, whatever the turn is called."""
    assert session().take("Done.", "t1", "m1")
    assert not session("resumed").take("Done.", "t2", "m1")


def test_the_memory_is_bounded_and_holds_no_word(runtime: Path) -> None:
    """However long a session, its file stays small, and others cannot read it."""
    for number in range(100):
        assert session().take(f"secret {number}", "t")
    (file,) = (runtime / "agents").iterdir()
    assert file.stat().st_size < 4096
    assert b"secret" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    for number in range(sessions.MAX_SESSIONS + 10):
        session(str(number)).take("a", "t")
    sessions.prune(paths.find())
    assert len(list((runtime / "agents").iterdir())) == sessions.MAX_SESSIONS


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"spoken": 3}', b'{"prompts": "x"}'])
def test_a_damaged_memory_is_begun_anew(runtime: Path, content: bytes) -> None:
    """A file that a full disk or a person has damaged keeps nobody silent."""
    session().take("a", "t")
    (file,) = (runtime / "agents").iterdir()
    file.write_bytes(content)
    assert session().take("Done.", "")
    session().hush(prompt=True)


def test_without_a_folder_everything_is_new(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is spoken, too, in a place where nothing can be written."""
    (runtime / "file").touch()
    monkeypatch.setenv("HUSHD_RUNTIME_DIR", str(runtime / "file"))
    assert session().take("Done.", "t1")
    with session().speaking(lambda: None) as may_speak:
        assert may_speak
    session().hush(prompt=True)


def test_hush_reaches_who_speaks(runtime: Path) -> None:
    """Those of the session fall silent, by either of its names, and others speak on."""
    ended, other = threading.Event(), threading.Event()
    with session().speaking(ended.set) as may_speak:
        assert may_speak
        sessions.hush(paths.find(), "other")
        assert not ended.is_set()
        sessions.hush(paths.find(), "api")
        assert ended.wait(BOUND_S)
    with Session(paths.find(), "s2", "web").speaking(other.set), session().speaking(ended.set):
        session().hush(prompt=True)
    assert not other.is_set()
    assert not list((runtime / "agents").glob("*-*"))


def test_who_plays_is_stopped_last(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait for it to end are silent before they are let speak."""
    (runtime / "agents").mkdir()
    pipes = [runtime / "agents" / f"{'0' * 16}-{'1' * 16}.{number}" for number in (7, 30, 4, 12)]
    for second, pipe in enumerate(pipes):
        os.mkfifo(pipe)
        os.utime(pipe, (second, second))
    removed: list[Path] = []  # nobody reads them, so each is removed when its turn comes
    monkeypatch.setattr(sessions, "_remove", removed.append)
    sessions.hush(paths.find())
    assert removed == pipes[::-1]


def test_a_prompt_that_comes_first_is_heeded(runtime: Path) -> None:
    """A hook that was started before the prompt and comes to speak after it stays silent; a later one speaks."""
    late = session(clock=10.0)
    session(clock=11.0).hush(prompt=True)
    late._now = lambda: 12.0
    with late.speaking(lambda: None) as may_speak:
        assert not may_speak
    with session(clock=12.0).speaking(lambda: None) as may_speak:
        assert may_speak


def test_the_pipe_of_a_dead_process_is_removed(runtime: Path) -> None:
    """A hook that was killed leaves a pipe that nobody reads: it is not waited for, and goes."""
    session().take("a", "t")
    pipe = runtime / "agents" / f"{'0' * 16}-{'1' * 16}.1"
    os.mkfifo(pipe)
    sessions.hush(paths.find())
    assert not pipe.exists()


def test_the_switch_is_for_all_or_for_one(runtime: Path) -> None:
    """All are off, or those of a name; on ends it."""
    switch = Switch(paths.find())
    assert not switch.is_off("s", "api")
    switch.turn(False, "api")
    assert switch.is_off("s", "api")
    assert not switch.is_off("s", "web")
    assert switch.state() == "On, but for api."
    switch.turn(False)
    assert switch.is_off("s", "web")
    switch.turn(True)
    assert not switch.is_off("s", "api")
    (runtime / "state" / "agent-hook.json").write_bytes(b"[]")
    assert not switch.is_off("s", "api")


@pytest.mark.user
def test_a_switch_that_cannot_be_written_says_so(runtime: Path) -> None:
    """One sentence where the state folder is not writable."""
    (runtime / "state").mkdir(mode=0o500)
    with pytest.raises(HushdError, match=r"written|made"):
        Switch(paths.find()).turn(False)
